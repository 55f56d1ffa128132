//! What has to be there before a package can run.

use crate::provider::Site;

/// Tools on the controller's machine that every package needs, with the versions that do.
///
/// OpenSSH 8.9 is the first whose `ssh-keygen -Y find-principals` judges validity windows; the wheels need Python 3.11.
pub const TOOLS: &[(&str, &str)] = &[
    ("age", ">= 1.0"),
    ("git", ">= 2.34"),
    ("python3", ">= 3.11"),
    ("sha256sum", ">= 8.32"),
    ("ssh", ">= 8.9"),
    ("ssh-keygen", ">= 8.9"),
];

/// Ansible collections that the playbooks use, all inside the wheel `ansible` of `controller/requirements.txt`.
pub const COLLECTIONS: &[(&str, &str)] = &[
    ("ansible.posix", "2.1.0"),
    ("community.crypto", "3.0.5"),
    ("community.docker", "4.8.5"),
    ("community.general", "11.4.2"),
];

/// The tools of a package for this site, by name.
pub(super) fn tools(site: &Site) -> Vec<(&'static str, &'static str)> {
    let own = site.made.iter().flat_map(|made| made.tools.iter().chain(&made.by_hand).copied());
    let mut tools: Vec<_> = TOOLS.iter().copied().chain(own).collect();
    tools.sort_unstable();
    tools
}
