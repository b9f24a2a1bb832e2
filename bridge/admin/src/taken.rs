//! A connection whose other end must take what it is sent. Whoever asks and never reads would else hold a place, and what was
//! made for it, for as long as it likes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Ends with an error once nothing of what was written was taken for so long.
pub(crate) struct Taken<S> {
    of: S,
    patience: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Taken<S> {
    pub fn within(patience: Duration, of: S) -> Taken<S> {
        Taken {
            of,
            patience,
            stuck: None,
        }
    }

    fn waited(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if polled.is_ready() {
            self.stuck = None;
            return polled;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        stuck
            .as_mut()
            .poll(context)
            .map(|()| Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taken<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.of).poll_read(context, to)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taken<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.of).poll_write(context, bytes);
        self.waited(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.of).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.of).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.of).poll_write_vectored(context, slices);
        self.waited(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.of.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    #[tokio::test]
    async fn who_reads_nothing_is_let_go_and_who_reads_slowly_is_not() {
        let (here, mut there) = duplex(16);
        let mut here = Taken::within(Duration::from_millis(20), here);
        let refused = here.write_all(&[7; 64]).await;
        assert_eq!(refused.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));

        let (other, mut far) = duplex(16);
        let mut other = Taken::within(Duration::from_secs(60), other);
        let reads = async {
            let mut read = [0; 1];
            for _ in 0..64 {
                far.read_exact(&mut read).await?;
            }
            io::Result::Ok(())
        };
        let (written, read) = tokio::join!(other.write_all(&[7; 64]), reads);
        assert!(written.is_ok() && read.is_ok());
        drop(here);
        let mut rest = vec![];
        assert_eq!(there.read_to_end(&mut rest).await.unwrap_or_default(), 16);
    }
}
