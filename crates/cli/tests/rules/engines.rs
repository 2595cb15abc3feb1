//! Witnesses of databases of other engines, wherever those are built in. Made by us: they hold no signature.

use crate::witness::{Witness, text};

pub(crate) fn witnesses() -> Vec<Witness> {
    vec![
        text(
            "Candor.Engine.Kaspersky.Index-1",
            "u1313g.xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<Update UpdateDate=¬\"01102024 0930\" Version=\"1\">\
             <File List=¬\"KDB,EMU,ARK\" Name=\"base001.kdc\" Size=\"10\"/></Update>\r\n;0000",
        ),
        text(
            "Candor.Engine.Kaspersky.Legacy-1",
            "base001.avc",
            "AVP Antiviral Database. (c)Kaspersky Lab ¬1997-2009.\r\n0000\r\n",
        ),
    ]
}
