//! What a stopped run leaves behind: nothing after a signal that can be caught, and nothing for long after one that cannot.

use crate::workspace::Workspace;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const UNFINISHED: &str = ".stufpack-unfinished-";

/// A run that has unpacked an export and waits for its target; `through` starts it, such as `nohup`.
fn waiting(here: &Workspace, through: &[&str]) -> Child {
    std::fs::create_dir_all(here.path("temp")).expect("a folder");
    let program = assert_cmd::cargo::cargo_bin("stufpack");
    let words =
        [through, &[program.to_str().expect("a path"), "check", "export.zip", "--target", "-"]].concat();
    let child = Command::new(words[0])
        .args(&words[1..])
        .current_dir(here.path("."))
        .env("TMPDIR", here.path("temp"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let begun = Instant::now();
    while unfinished(here, "temp")
        .first()
        .is_none_or(|folder| !here.path("temp").join(folder).join("export.yaml").exists())
    {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing was unpacked");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn unfinished(here: &Workspace, folder: &str) -> Vec<String> {
    here.names(folder).into_iter().filter(|name| name.starts_with(UNFINISHED)).collect()
}

/// Those that hold something already.
fn holding(here: &Workspace, folder: &str) -> Vec<String> {
    let holds = |name: &String| {
        std::fs::read_dir(here.path(folder).join(name)).is_ok_and(|mut entries| entries.next().is_some())
    };
    unfinished(here, folder).into_iter().filter(holds).collect()
}

fn send(signal: &str, child: &Child) {
    // The shell's own: a bare machine has no program of that name.
    let kill = format!("kill {signal} {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status().expect("a shell is needed");
    assert!(sent.success());
}

fn with_zip() -> Workspace {
    let here = Workspace::new();
    here.example("minimal", "input");
    here.zip("input/export", "export.zip");
    here
}

#[test]
fn a_signal_removes_clear_data_and_ends_the_program_as_signals_do() {
    let here = with_zip();
    for (signal, number) in [("-TERM", 15), ("-INT", 2), ("-HUP", 1)] {
        let mut child = waiting(&here, &[]);
        // Waiting would close it, and a run whose input ends may end before the signal has taken effect.
        let _input = child.stdin.take();

        send(signal, &child);

        let status = child.wait().expect("an end");
        assert_eq!(status.signal(), Some(number), "a shell reads {} from this", 128 + number);
        assert_eq!(here.names("temp"), [""; 0], "{signal}");
    }
}

#[test]
fn a_signal_in_the_middle_of_unpacking_leaves_nothing_behind() {
    let here = Workspace::new();
    here.example("minimal", "input");
    for number in 0..900 {
        let folder = format!("input/export/branding/{}", number % 7);
        std::fs::create_dir_all(here.path(&folder)).expect("a folder");
        here.write(&format!("{folder}/{number}.txt"), "a file");
    }
    here.zip("input/export", "export.zip");
    std::fs::create_dir_all(here.path("temp")).expect("a folder");
    let mut caught = 0;
    for attempt in 0..20 {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("stufpack"));
        command.args(["check", "export.zip"]).current_dir(here.path(".")).env("TMPDIR", here.path("temp"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut ended = false;
        while unfinished(&here, "temp").is_empty() && !ended {
            ended = child.try_wait().expect("a state").is_some();
        }
        // On a busy machine a run may be over before anybody has seen its folder.
        if !ended {
            send("-TERM", &child);
            caught += 1;
        }
        child.wait().expect("an end");
        assert_eq!(here.names("temp"), [""; 0], "attempt {attempt}");
    }
    assert!(caught > 0, "no signal came while the export was being unpacked");
}

#[test]
fn who_wants_hang_ups_ignored_is_not_stopped_by_one() {
    let here = with_zip();
    let mut child = waiting(&here, &["nohup"]);

    send("-HUP", &child);

    std::thread::sleep(Duration::from_millis(50));
    assert!(child.try_wait().expect("a state").is_none(), "the run goes on");
    drop(child.stdin.take());
    child.wait().expect("an end");
}

#[test]
fn the_next_run_takes_away_what_a_killed_one_left_and_nothing_of_a_living_one() {
    let here = with_zip();
    let mut living = waiting(&here, &[]);
    let kept = unfinished(&here, "temp");
    let mut killed = waiting(&here, &[]);
    while holding(&here, "temp").len() < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().expect("killed");
    killed.wait().expect("an end");
    std::fs::create_dir(here.path("temp/.stufpack-unfinished-work-of-mine"))
        .expect("a folder of somebody's own");

    let mut next = here.command("check export.zip --target input/target.yaml");
    next.env("TMPDIR", here.path("temp"));
    let told = crate::workspace::run(next).exits_with(0);

    assert_eq!(
        told.stderr.matches("removed what a run that was killed left behind").count(),
        1,
        "{}",
        told.stderr
    );
    let mut expected = [kept, vec![".stufpack-unfinished-work-of-mine".to_owned()]].concat();
    // The part of a name that is drawn by lot may stand before or behind "work".
    expected.sort();
    assert_eq!(unfinished(&here, "temp"), expected);
    living.kill().expect("killed");
    living.wait().expect("an end");
}

#[test]
fn runs_beside_each_other_take_nothing_from_each_other() {
    let here = with_zip();
    std::fs::create_dir(here.path("temp")).expect("a folder");
    let runs = || {
        for _ in 0..40 {
            let mut run = here.command("check export.zip --target input/target.yaml");
            run.env("TMPDIR", here.path("temp"));
            let told = crate::workspace::run(run).exits_with(0);
            assert!(!told.stderr.contains("left behind"), "{}", told.stderr);
        }
    };
    std::thread::scope(|scope| [(); 4].map(|()| scope.spawn(runs)).into_iter().for_each(drop));
    assert_eq!(here.names("temp"), [""; 0]);
}

#[test]
fn a_package_that_was_being_written_is_taken_away_by_the_next_compile() {
    let here = with_zip();
    let compile = "compile input/export --target input/target.yaml --out out --sign-key key";
    // The folder stands for milliseconds only, so the kill may come too late.
    let hit = (0..200).any(|_| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("stufpack"));
        command.current_dir(here.path(".")).args(compile.split(' ')).stdout(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        while child.try_wait().expect("a state").is_none() && holding(&here, ".").is_empty() {}
        let _ = child.kill();
        child.wait().expect("an end");
        let hit = !here.path("out").exists() && holding(&here, ".").len() == 1;
        if here.path("out").exists() {
            std::fs::remove_dir_all(here.path("out")).expect("removed");
        }
        hit
    });
    assert!(hit, "no kill came while the package was being written");

    let told = here.stufpack(compile).exits_with(0);

    assert!(told.stderr.contains("left behind: ./.stufpack-unfinished-"), "{}", told.stderr);
    assert_eq!(unfinished(&here, "."), [""; 0]);
    assert_eq!(here.names("out").len(), 2);
}

#[test]
fn of_two_that_write_into_one_folder_at_once_the_second_finds_what_the_first_has_written() {
    for there in [true, false] {
        for round in 0..8 {
            let here = with_zip();
            let target = here.read("input/target.yaml");
            here.write(
                "input/other.yaml",
                &target.replace("environment: staging", "environment: production"),
            );
            if there {
                std::fs::create_dir(here.path("out")).expect("a folder");
            }
            let compile = |target: &str| {
                let line = format!("compile input/export --target input/{target} --out out --sign-key key");
                crate::workspace::run(here.command(&line))
            };
            let codes = std::thread::scope(|scope| {
                let both = ["target.yaml", "other.yaml"].map(|target| scope.spawn(move || compile(target)));
                both.map(|run| run.join().expect("it ends").code)
            });

            assert!(codes == [0, 3] || codes == [3, 0], "round {round}: {codes:?}");
            assert_eq!(here.names("out").len(), 2);
            let zip = here.names("out").into_iter().find(|name| name.ends_with(".zip")).expect("a package");
            assert!(here.read("out/VERIFY.txt").contains(&zip), "VERIFY.txt tells of another than {zip}");
        }
    }
}
