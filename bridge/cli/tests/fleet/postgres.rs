//! A private PostgreSQL for tests that stop it: own folder and port, gone with the test.

#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A server of the test's own.
pub struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
    pub port: u16,
}

impl Postgres {
    pub fn start(port: u16) -> Postgres {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let server = Postgres {
            programs: programs(),
            folder,
            port,
        };
        let own = server.own();
        std::fs::create_dir(&own).unwrap();
        if root() {
            std::fs::set_permissions(server.folder.path(), PermissionsExt::from_mode(0o711)).unwrap();
            let given = Command::new("chown").arg("postgres").arg(&own).status().unwrap();
            assert!(given.success());
        }
        server.run(
            "initdb",
            &[
                "--pgdata=data",
                "--username=bridge",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
        );
        server.resume();
        server
    }

    /// For a client that reaches it at a port.
    pub fn url(port: u16) -> String {
        format!("postgres://bridge@127.0.0.1:{port}/postgres")
    }

    /// Ends it as a crash would: every session is gone, what was committed stays.
    pub fn kill(&self) {
        self.run("pg_ctl", &["stop", "--pgdata=data", "--mode=immediate", "--silent"]);
    }

    /// Starts it on what is on its disk.
    pub fn resume(&self) {
        // A crash of the server alone loses nothing without fsync either.
        let options = format!(
            "--options=-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off",
            self.port,
            self.own().display()
        );
        self.run(
            "pg_ctl",
            &[
                "start",
                "--pgdata=data",
                "--log=log",
                "--wait",
                "--timeout=60",
                "--silent",
                &options,
            ],
        );
    }

    /// What a query answers: rows of columns.
    pub fn ask(&self, sql: &str) -> Vec<Vec<String>> {
        let output = Command::new(self.programs.join("psql"))
            .args([
                "--no-psqlrc",
                "--no-align",
                "--tuples-only",
                "--quiet",
                "--set=ON_ERROR_STOP=1",
                "--command",
                sql,
            ])
            .arg(Postgres::url(self.port))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|row| row.split('|').map(str::to_string).collect())
            .collect()
    }

    fn own(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    /// PostgreSQL refuses to run as root.
    fn run(&self, program: &str, args: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        // The server keeps what it inherits: its output must not be a pipe that somebody reads to its end.
        let said = std::fs::File::create(self.folder.path().join("said")).unwrap();
        let done = command
            .args(args)
            .current_dir(self.own())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .status()
            .unwrap();
        let said = || std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default();
        assert!(done.success(), "{args:?}: {}", said());
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let stop = ["stop", "--pgdata=data", "--mode=immediate", "--silent"];
        if self.own().join("data/postmaster.pid").exists() {
            self.run("pg_ctl", &stop);
        }
    }
}

fn root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Where the newest server's programs are: in PATH, where tests/run puts them, or where Debian does.
fn programs() -> PathBuf {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&path).chain(folders.into_iter().rev());
    all.into_iter()
        .find(|folder: &PathBuf| has_server(folder))
        .unwrap_or_else(|| {
            panic!("no PostgreSQL server here: apt-get install postgresql, or run tests/run, which installs it")
        })
}

fn has_server(folder: &Path) -> bool {
    folder.join("initdb").exists() && folder.join("psql").exists()
}
