//! The file that `kesl-setup.pl --autoinstall=FILE` reads.
//!
//! Source: the table of initial settings in the vendor's help (kes11linux, page 236947).

use super::super::Fate;
use super::{Reader, is_yes};
use crate::ini::Section;

/// Settings by which such a file is known.
const TELLING: [&str; 6] =
    ["EULA_AGREED", "PRIVACY_POLICY_AGREED", "USE_KSN", "UPDATER_SOURCE", "UPDATE_EXECUTE", "SERVICE_LOCALE"];

/// Whether these are the settings of such a file.
pub(super) fn is_setup(sections: &[Section]) -> bool {
    sections.iter().any(|section| TELLING.iter().any(|name| section.get(name).is_some()))
}

impl Reader {
    pub(super) fn setup(&mut self, section: &Section) {
        for setting in &section.settings {
            let (line, name, value) = (setting.line, setting.name.as_str(), setting.value.as_str());
            let left = |text: &'static str| (Fate::LeftOut, text);
            let (fate, text) = match name.to_ascii_uppercase().as_str() {
                "PROXY_SERVER" if value.is_empty() || value.eq_ignore_ascii_case("no") => {
                    left("there was none")
                }
                "PROXY_SERVER" => {
                    self.take_proxy(line, name, value);
                    continue;
                }
                "USE_KSN" if is_yes(value) => {
                    (Fate::LessProtection, "nothing here asks a service of anybody about your files")
                }
                "USE_KSN" => (Fate::Taken, "nothing here asks a service of anybody about your files"),
                "UPDATER_SOURCE" => {
                    left("the vendor's databases have no use here; name mirrors in update.toml")
                }
                "UPDATE_EXECUTE" if is_yes(value) => {
                    (Fate::Changed, "start candor-update.timer, and run `candor update` once")
                }
                "UPDATE_EXECUTE" => {
                    (Fate::Changed, "an update at the beginning is of use: run `candor update`")
                }
                "DISABLE_PROTECTION" if is_yes(value) => (
                    Fate::Changed,
                    "protection was off after the installation; what is started here protects",
                ),
                "DISABLE_PROTECTION" => left("protection was on; start candord"),
                "CONFIGURE_SELINUX" => left("Candor has no module for SELinux of its own"),
                "EULA_AGREED" | "PRIVACY_POLICY_AGREED" => left("there is nothing to agree to"),
                // A licence is a secret of its owner, and of no use here.
                "INSTALL_LICENSE" => left("there are no licences; end the contract: see the plan"),
                "USE_FANOTIFY" | "KERNEL_SRCS_INSTALL" => {
                    left("files are not looked at when programs open them")
                }
                "ADMIN_USER" | "GROUP_CLEAN" => {
                    left("who may do what, the permissions of sockets and files say")
                }
                "USE_GUI" | "LOCALE" | "SERVICE_LOCALE" => left("it belongs to the program that is replaced"),
                "IMPORT_SETTINGS" => left("give the file that it names to this command as well"),
                _ => left("there is no such setting here; look whether you need what it does"),
            };
            self.tell(line, name, fate, text);
        }
    }
}
