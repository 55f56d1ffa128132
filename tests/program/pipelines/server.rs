//! Stands in for what the pipelines speak to: a git host that asks for a password, and its interface for comments.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What somebody posted.
#[derive(Clone, Debug)]
pub struct Post {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// Serves files below a folder to who has the password, takes posts of who has the token, and refuses everyone else.
pub struct Server {
    pub address: String,
    posts: Arc<Mutex<Vec<Post>>>,
    reads: Arc<Mutex<Vec<String>>>,
}

/// What is asked for: a header, and the value that it must have.
pub type Wanted = (&'static str, String);

impl Server {
    pub fn start(folder: &Path, to_read: Wanted, to_post: Wanted) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let posts = Arc::new(Mutex::new(Vec::new()));
        let reads = Arc::new(Mutex::new(Vec::new()));
        let (folder, taken, told) = (folder.to_owned(), Arc::clone(&posts), Arc::clone(&reads));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { break };
                // Who goes away in the middle is not waited for.
                let _ = answer(stream, &folder, &to_read, &to_post, (&taken, &told));
            }
        });
        Self { address, posts, reads }
    }

    /// What was read, with what follows the question mark.
    pub fn reads(&self) -> Vec<String> {
        self.reads.lock().expect("what was read").clone()
    }

    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().expect("the posts").clone()
    }
}

fn answer(
    mut stream: TcpStream,
    folder: &Path,
    to_read: &Wanted,
    to_post: &Wanted,
    (posts, reads): (&Mutex<Vec<Post>>, &Mutex<Vec<String>>),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (is_post, path) = (method == "POST", target.split('?').next().unwrap_or_default().to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;

    let (name, value) = if is_post { to_post } else { to_read };
    let (status, bytes) = if headers.get(*name) != Some(value) {
        ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"tests\"", Vec::new())
    } else if is_post {
        let body = String::from_utf8_lossy(&body).into_owned();
        posts.lock().expect("the posts").push(Post { path, headers, body });
        ("201 Created", b"{}".to_vec())
    } else {
        match fs::read(below(folder, &path)) {
            Ok(bytes) => {
                reads.lock().expect("what was read").push(target.to_owned());
                ("200 OK", bytes)
            }
            Err(_) => ("404 Not Found", Vec::new()),
        }
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    )?;
    stream.write_all(&bytes)
}

fn below(folder: &Path, path: &str) -> PathBuf {
    path.split('/')
        .filter(|part| !part.is_empty() && *part != "..")
        .fold(folder.to_owned(), |at, part| at.join(part))
}
