//! SIGTERM and Ctrl-C: what is under way is finished, then the program ends by itself.

use tokio_util::sync::CancellationToken;

/// A token that the first SIGTERM or SIGINT cancels. The second one ends the program at once, which
/// is safe too: what was sent is looked at when the bridge starts again.
pub fn stop() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        signalled().await;
        cancelled.cancel();
        signalled().await;
        std::process::exit(130);
    });
    token
}

/// Cancels `stop` when standard input ends: whoever keeps this process holds the other end, and is gone then.
pub fn stop_with_keeper(stop: &CancellationToken) {
    let stop = stop.clone();
    // A thread of its own: nothing interrupts a read of standard input.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        stop.cancel();
    });
}

#[cfg(unix)]
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn signalled() {
    let _ = tokio::signal::ctrl_c().await;
}
