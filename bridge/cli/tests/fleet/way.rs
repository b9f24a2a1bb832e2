//! A way to a server that can be cut or fall silent, and that notes every HTTP request which passes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How a way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// Nothing passes and nobody is told, as when a cable is pulled.
    Silent,
    /// Every connection ends and no new one is made, as when a port is closed.
    Cut,
}

/// A request that passed.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Microseconds since 1970.
    pub at: i64,
    /// Method and target.
    pub line: String,
}

/// A way from one worker to one server.
pub struct Way {
    pub port: u16,
    state: watch::Sender<State>,
    passed: Arc<Mutex<Vec<Passed>>>,
}

impl Way {
    pub async fn to(target: u16) -> Way {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, seen) = watch::channel(State::Open);
        let passed = Arc::<Mutex<Vec<Passed>>>::default();
        let notes = Arc::clone(&passed);
        tokio::spawn(async move {
            loop {
                let Ok((near, _)) = listener.accept().await else { return };
                tokio::spawn(connection(near, target, seen.clone(), Arc::clone(&notes)));
            }
        });
        Way { port, state, passed }
    }

    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// What passed so far, oldest first.
    pub fn passed(&self) -> Vec<Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn connection(near: TcpStream, target: u16, state: watch::Receiver<State>, notes: Arc<Mutex<Vec<Passed>>>) {
    if !opens(&mut state.clone()).await {
        return;
    }
    let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else {
        return;
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = pump(near_in, far_out, state.clone(), Some(&notes)) => {}
        () = pump(far_in, near_out, state, None) => {}
    }
}

/// Whether the way is open, when it is not silent any more.
async fn opens(state: &mut watch::Receiver<State>) -> bool {
    let now = state.wait_for(|state| *state != State::Silent).await;
    now.is_ok_and(|state| *state == State::Open)
}

async fn pump(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut state: watch::Receiver<State>,
    notes: Option<&Mutex<Vec<Passed>>>,
) {
    let mut cut = state.clone();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read,
            _ = cut.wait_for(|state| *state == State::Cut) => return,
        };
        let Ok(read @ 1..) = read else { return };
        if !opens(&mut state).await {
            return;
        }
        if let (Some(notes), Some(line)) = (notes, request_line(&bytes[..read])) {
            let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let at = i64::try_from(at.as_micros()).unwrap();
            notes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(Passed { at, line });
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

/// Method and target, if these bytes begin a request. A client waits for the answer before its next one, so requests
/// begin where what was read begins.
fn request_line(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == b'\r')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    Some(line.strip_suffix(" HTTP/1.1")?.to_string())
}
