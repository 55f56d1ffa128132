//! Words that only AWS has.

use crate::model::codes::{self, CodeInfo};
use crate::model::{is_certificate, word};

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// Letters, digits, then `g`: the families with processors of ARM, and `a1`.
fn is_arm(family: &str) -> bool {
    let letters = family.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let kind = letters.trim_start_matches(|c: char| c.is_ascii_digit());
    family == "a1" || (letters.len() > kind.len() && kind.starts_with('g'))
}

/// Families of Xen, whose disks have no names by which one could tell them; whole machines (`metal`) are none of them.
const XEN: [&str; 28] = [
    "c1", "c3", "c4", "cc2", "cg1", "cr1", "d2", "f1", "g2", "g3", "g3s", "h1", "hi1", "hs1", "i2", "i3",
    "m1", "m2", "m3", "m4", "p2", "p3", "r3", "r4", "t1", "t2", "x1", "x1e",
];

fn is_xen(text: &str) -> bool {
    text.split_once('.').is_some_and(|(family, size)| size != "metal" && XEN.contains(&family))
}

/// Whether a machine of this size has less than 4 GiB of memory, whatever its family.
fn is_small(text: &str) -> bool {
    text.split_once('.').is_some_and(|(_, size)| ["nano", "micro", "small"].contains(&size))
}

fn is_instance_type(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text.split_once('.').is_some_and(|(family, size)| {
        plain(family)
            && plain(size)
            && family.starts_with(|c: char| c.is_ascii_lowercase())
            && !is_arm(family)
            && !is_xen(text)
            && !is_small(text)
    })
}

/// Whether a region lies in another partition than `aws`: China, the government of the United States.
fn is_apart(text: &str) -> bool {
    ["cn-", "us-gov-", "us-iso"].iter().any(|start| text.starts_with(start))
}

word!(
    /// A region, by its code.
    Region,
    "the code of a region, such as eu-west-1",
    "eu-west-1",
    |text| {
        let parts: Vec<&str> = text.split('-').collect();
        let lower = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        match parts.as_slice() {
            [first, inner @ .., last] => {
                first.len() == 2
                    && lower(first)
                    && !inner.is_empty()
                    && inner.iter().all(|part| lower(part))
                    && last.len() == 1
                    && last.bytes().all(|b| b.is_ascii_digit())
                    && !is_apart(text)
            }
            _ => false,
        }
    },
    fn diagnose(text: &str) -> Option<(&'static CodeInfo, String)> {
        let why = "this region has addresses, names and an owner of Debian's images of its own, which the package does not know";
        is_apart(text).then(|| (&codes::VALUE_INVALID, why.to_owned()))
    }
);
word!(
    /// An account, by its 12 digits.
    AccountId,
    "the 12 digits of an account in quotes, without hyphens, as `aws sts get-caller-identity` prints them",
    "123456789012",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);
word!(
    /// A type of machine with processors of x86-64.
    InstanceType,
    "an x86-64 type of machine, such as t3.large",
    "t3.large",
    is_instance_type,
    fn diagnose(text: &str) -> Option<(&'static CodeInfo, String)> {
        let arm = text.split_once('.').is_some_and(|(family, _)| is_arm(family));
        let why = if arm {
            "this type has a processor of ARM, and the images are x86-64"
        } else if is_xen(text) {
            "this type is older than the Nitro system, and prepare would not find its data disk"
        } else if is_small(text) {
            "this type has less than 4 GiB of memory, and the services do not fit"
        } else {
            return None;
        };
        Some((&codes::VALUE_INVALID, why.to_owned()))
    }
);
word!(
    /// A public SSH key of a kind that AWS takes: type and base64, no comment.
    PublicKey,
    "a public key such as `ssh-ed25519 AAAA…` or `ssh-rsa AAAA…`, without a comment",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqaAJFD04B2LnIceO5BfT4AlutPAnUP4oE+fwZhylv5",
    |text| {
        text.split(' ').count() == 2
            && !text.contains(char::is_control)
            && (text.starts_with("ssh-ed25519 ") || text.starts_with("ssh-rsa "))
            && ssh_key::PublicKey::from_openssh(text).is_ok()
    }
);
word!(
    /// A subnet, by its id.
    SubnetId,
    "the id of a subnet, such as subnet-0123456789abcdef0",
    "subnet-0123456789abcdef0",
    |text| is_id(text, "subnet-")
);
word!(
    /// A zone in Route 53, by its id.
    ZoneId,
    "the id of a hosted zone, such as Z0123456789ABCDEFGHIJ",
    "Z0123456789ABCDEFGHIJ",
    |text| {
        (2..=32).contains(&text.len())
            && text.starts_with('Z')
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    }
);
word!(
    /// A class of a database.
    DatabaseClass,
    "a class of RDS, such as db.t4g.micro",
    "db.t4g.micro",
    |text| {
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        matches!(text.split('.').collect::<Vec<_>>()[..], ["db", family, size] if plain(family) && plain(size))
    }
);
word!(
    /// Certificates of the authorities that vouch for a database, in PEM form.
    Authorities,
    "a text of PEM certificates and nothing else: -----BEGIN CERTIFICATE----- …",
    "-----BEGIN CERTIFICATE-----\nMIIBZTCCARegAwIBAgIUViGCYY9zs3WgJdYVCZUHuqLg8YYwBQYDK2VwMCcxJTAj\nBgNVBAMMHEFuIGF1dGhvcml0eSBvZiB0aGlzIGV4YW1wbGUwIBcNMjYxMTIyMTAz\nNDA1WhgPMjEyNjEwMjkxMDM0MDVaMCcxJTAjBgNVBAMMHEFuIGF1dGhvcml0eSBv\nZiB0aGlzIGV4YW1wbGUwKjAFBgMrZXADIQC2ydU8DzeZ2nLDZT+IwpzonpX6jToc\nLQIu95Xzz/4q6aNTMFEwHQYDVR0OBBYEFD6UEp+R6eB/X0Q2lYafKClj4q0QMB8G\nA1UdIwQYMBaAFD6UEp+R6eB/X0Q2lYafKClj4q0QMA8GA1UdEwEB/wQFMAMBAf8w\nBQYDK2VwA0EAaoWfxjRhooYWBFZwTUn0dQD3GWffvtQnb2VO+ZblVWDpP2plwk6B\nQUBk8EgvxyGql2jGi2gLpFe68K1TTUt7Bg==\n-----END CERTIFICATE-----\n",
    is_certificate,
    // Somebody may have pasted the key beside it.
    const HIDDEN: bool = true;
);
