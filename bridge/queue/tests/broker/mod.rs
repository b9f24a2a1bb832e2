//! A private RabbitMQ for tests: own node, ports, folders and cookie, gone with the test. It needs
//! Debian's `rabbitmq-server` (or `RABBITMQ_SERVER`, the path of its start script) and disturbs none
//! that runs elsewhere.
#![allow(dead_code, clippy::unwrap_used)]

use bridge_queue::Options;
use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Names a running broker that tests may share, each under names of its own.
pub const SHARED: &str = "HALAXY_BRIDGE_TEST_AMQP";
const START: Duration = Duration::from_secs(120);

/// A broker that tests share, or a private one.
pub struct Broker {
    pub url: String,
    _own: Option<Private>,
}

/// The shared broker, or if none is named, a private one.
pub fn any() -> Broker {
    match env::var(SHARED) {
        Ok(url) => Broker { url, _own: None },
        Err(_) => {
            let own = Private::start("");
            Broker {
                url: own.url(),
                _own: Some(own),
            }
        }
    }
}

/// Names that no other test uses, and short times.
pub fn options() -> Options {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let systems = ["crm".to_string(), "halaxy".to_string()];
    let mut options = Options::new(format!("test-{}-{number}", std::process::id()), systems);
    options.longest_pause = Duration::from_millis(500);
    options
}

/// A broker of the test's own, which it may stop and start.
pub struct Private {
    folder: tempfile::TempDir,
    epmd: Child,
    epmd_port: u16,
    pub port: u16,
    dist_port: u16,
    script: PathBuf,
    server: Option<Child>,
}

impl Private {
    /// Starts one; `settings` are further lines of its `rabbitmq.conf`, in which `FOLDER` is its folder.
    pub fn start(settings: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), settings)
    }

    /// As [`Private::start`], in a folder that holds what the settings name.
    pub fn start_in(folder: tempfile::TempDir, settings: &str) -> Self {
        let script = script();
        let [epmd_port, port, dist_port] = free_ports();
        let epmd = Command::new("epmd")
            .args(["-address", "127.0.0.1", "-port", &epmd_port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("epmd comes with Erlang, which comes with rabbitmq-server");
        let path = folder.path().display().to_string();
        fs::write(folder.path().join("rabbitmq.conf"), settings.replace("FOLDER", &path)).unwrap();
        fs::write(folder.path().join("plugins"), "[].").unwrap();
        let mut broker = Self {
            folder,
            epmd,
            epmd_port,
            port,
            dist_port,
            script,
            server: None,
        };
        broker.resume();
        broker
    }

    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Kills the server as a power cut would; what is on its disk stays.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            if let Ok(pid) = fs::read_to_string(self.folder.path().join("pid")) {
                let _ = Command::new("kill").args(["-KILL", pid.trim()]).status();
            }
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Starts the server on what is on its disk.
    pub fn resume(&mut self) {
        assert!(self.server.is_none(), "it runs");
        let log = fs::File::create(self.folder.path().join("console.log")).unwrap();
        let server = self
            .command(&self.script)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.server = Some(server.expect("the start script of rabbitmq-server can be run"));
        let until = Instant::now() + START;
        // It listens when it has booted, and not before.
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.server.as_mut().and_then(|server| server.try_wait().unwrap());
            if ended.is_some() || Instant::now() > until {
                let log = fs::read_to_string(self.folder.path().join("console.log")).unwrap_or_default();
                panic!("RabbitMQ did not start:\n{log}");
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Runs `rabbitmqctl`.
    pub fn control(&self, arguments: &[&str]) {
        let done = self
            .command(&self.script.with_file_name("rabbitmqctl"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn command(&self, program: &Path) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(program);
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("RABBITMQ_")) {
            command.env_remove(name);
        }
        command
            .env("HOME", folder)
            .env("LANG", "C.UTF-8")
            .env("ERL_EPMD_PORT", self.epmd_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", format!("test{}@localhost", self.port))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.dist_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_SCHEMA_DIR", folder.join("schema"))
            .env("RABBITMQ_GENERATED_CONFIG_DIR", folder.join("config"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("advanced.config"))
            .env("RABBITMQ_CONF_ENV_FILE", folder.join("rabbitmq-env.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
            .env("RABBITMQ_PID_FILE", folder.join("pid"));
        command
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.kill();
        let _ = self.epmd.kill();
        let _ = self.epmd.wait();
    }
}

/// Debian's own wrapper in PATH changes users when root calls it; the script behind it does not.
fn script() -> PathBuf {
    if let Some(path) = env::var_os("RABBITMQ_SERVER") {
        return path.into();
    }
    let versions = fs::read_dir("/usr/lib/rabbitmq/lib").into_iter().flatten().flatten();
    versions
        .map(|version| version.path().join("sbin/rabbitmq-server"))
        .find(|script| script.exists())
        .unwrap_or_else(|| panic!("no RabbitMQ here: apt-get install rabbitmq-server, name a start script in RABBITMQ_SERVER, or run tests/run, which installs it"))
}

/// Ports that were free a moment ago.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: Vec<TcpListener> = (0..N).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
    let ports: Vec<u16> = listeners.iter().map(|l| l.local_addr().unwrap().port()).collect();
    ports.try_into().unwrap()
}
