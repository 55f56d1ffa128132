//! The secrets of the state folder in which an operation folder lies, what Terraform marks among them: none may enter a glass.
//!
//! `./migrate` has searched the folder for them when it wrote it; what was added or changed since nobody has looked at. They are
//! read as `leak.py` of a package reads them, so that both search for the same (`tests/glass/leaks.json` is the table of both).

use super::{Error, sensitive};
use crate::model::Secret;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const KIND: &str = "one of the state folder's";
/// How the base64 of every OpenSSH key begins: it says how the key is kept, and is the same for all that are kept so.
const OPENSSH: &str = "b3BlbnNzaC1rZXktdjE";
/// Shorter lines of a longer value do not tell enough of it.
const SHORTEST_LINE: usize = 16;
/// Parts of keys in a credential whose values are secret; the others say where and until when.
const SECRET_KEYS: [&str; 5] = ["private_key", "secret", "password", "token", "access_key"];

/// Every secret of the state folder that `folder` lies in, as `packages/NUMBER/operations/RUN-PHASE`; none of a folder elsewhere.
///
/// # Errors
///
/// A file of secrets that cannot be read: nothing would find what stands in it.
pub fn beside(folder: &Path) -> Result<Vec<Secret>, Error> {
    let Some(state) = state_of(folder) else { return Ok(Vec::new()) };
    let mut values = Vec::new();
    for path in files(&state)? {
        let bytes = fs::read(&path).map_err(|source| Error::io(path.display().to_string(), source))?;
        // What is no text is searched for by the controller alone.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let is_table = path.extension().is_some_and(|ending| ending == "csv");
        let before = values.len();
        if is_table {
            values.extend(text.lines().filter_map(last_column));
        }
        if values.len() == before {
            parts(text.trim(), &mut values);
        }
    }
    for text in sensitive::known(&state)? {
        let mut told = Vec::new();
        parts(text.trim(), &mut told);
        values.extend(told.into_iter().filter(|value| value.len() >= sensitive::SHORTEST));
    }
    Ok(values.into_iter().map(|value| Secret::new(KIND, value)).collect())
}

fn state_of(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let operations = folder.parent().filter(|above| above.ends_with("operations"))?;
    let packages = operations.parent()?.parent().filter(|above| above.ends_with("packages"))?;
    packages.parent().map(Path::to_owned)
}

/// Files that hold secrets: those that `secrets/` has, at any depth, and the key of a certificate that was provided.
fn files(state: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(state.join("secrets")).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.path().is_file() => found.push(entry.into_path()),
            Ok(_) => {}
            Err(error) if error.io_error().is_some_and(|why| why.kind() == io::ErrorKind::NotFound) => {}
            Err(error) => return Err(Error::io(state.join("secrets").display().to_string(), error.into())),
        }
    }
    found.extend([state.join("local/tls/key.pem")].into_iter().filter(|path| path.is_file()));
    Ok(found)
}

/// Of one-time passwords the password, which stands last on a user's line; a quote inside of quotes stands there twice.
fn last_column(line: &str) -> Option<String> {
    let (mut value, mut quoted) = (String::new(), false);
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.next_if_eq(&'"').is_some() => value.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => value.clear(),
            _ => value.push(c),
        }
    }
    (!value.is_empty()).then_some(value)
}

/// A value as a whole; of keys over several lines and of credentials in JSON also the parts that tell enough.
fn parts(value: &str, found: &mut Vec<String>) {
    found.push(value.to_owned());
    if let Ok(serde_json::Value::Object(credential)) = serde_json::from_str(value) {
        return leaves(&credential, found);
    }
    let lines = value.lines().map(str::trim).filter(|line| *line != value);
    let told = lines.filter(|line| line.len() >= SHORTEST_LINE && !line.starts_with("-----"));
    found.extend(told.filter(|line| !line.starts_with(OPENSSH)).map(str::to_owned));
}

fn leaves(credential: &serde_json::Map<String, serde_json::Value>, found: &mut Vec<String>) {
    for (key, value) in credential {
        match value {
            serde_json::Value::Object(inner) => leaves(inner, found),
            serde_json::Value::String(text) if SECRET_KEYS.iter().any(|part| key.contains(part)) => {
                parts(text.trim(), found);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secrets_of_a_state_folder_are_read_in_every_form() {
        let temp = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = temp.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let line = "FAKE".repeat(8);
        let key = format!("-----BEGIN X-----\n{OPENSSH}AAAA\n{line}\nshort\n-----END X-----\n");
        write("secrets/mail_password", "not-a-real-one\n");
        let credential = serde_json::json!({
            "ssh": { "host": "harbour.example", "private_key": key }, "storage": { "secret_access_key": "fake-key" },
        });
        write("secrets/source_read", &credential.to_string());
        write(
            "secrets/users/one-time-passwords.csv",
            "\"ada\",\"a@b.example\",\"Fa,\"\"ke-1\"\r\nbob,x,Fake-2\n",
        );
        write("local/tls/key.pem", &key);
        write("local/vars.yml", "smtp: no-secret-of-this-kind\n");
        let folder = temp.path().join("packages/1/operations/1-deploy");
        fs::create_dir_all(&folder).unwrap();
        let read = |folder: &Path| {
            let secrets = beside(folder).unwrap();
            secrets.iter().map(|secret| secret.expose().to_owned()).collect::<Vec<_>>()
        };
        let whole = key.trim().to_owned();
        let document = credential.to_string();
        let expected =
            ["not-a-real-one", &document, &whole, &line, "fake-key", "Fa,\"ke-1", "Fake-2", &whole, &line];
        assert_eq!(read(&folder), expected);
        let elsewhere = temp.path().join("packages/1/1-deploy");
        fs::create_dir_all(&elsewhere).unwrap();
        assert_eq!(read(&elsewhere), [""; 0]);
        fs::remove_dir_all(temp.path().join("secrets")).unwrap();
        assert_eq!(read(&folder), [whole.as_str(), line.as_str()]);
    }
}
