//! A socket that gives a body to the answers that hyper writes by itself, to request headers that it cannot read.
//!
//! hyper answers such a header with a bodiless 400, 414 or 431 before any service runs, and has no hook for it. The
//! answer is recognised by its place (every earlier response was written in full, and no request is being handled) and
//! by its form (`unread_request.rs`); it is the last thing that hyper writes on the connection. A response of the
//! service is never changed.
use super::{connection_state::ConnectionState, unread_request};
use bytes::{Buf, Bytes};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket of one connection. Reports to the connection's state what arrives of a request header, and when everything
/// was written.
pub(super) struct ProblemSocket<T> {
    inner: T,
    state: Arc<ConnectionState>,
    /// The rest of an answer that stands for one of hyper's.
    answer: Bytes,
}

impl<T: AsyncWrite + Unpin> ProblemSocket<T> {
    pub(super) fn new(inner: T, state: Arc<ConnectionState>) -> Self {
        Self { inner, state, answer: Bytes::new() }
    }

    /// Takes an answer of hyper's own, and keeps another one to be written by the next flush. Returns false if the
    /// bytes are none.
    fn replace(&mut self, bytes: &[u8]) -> bool {
        if !self.state.is_between_responses() {
            return false;
        }
        let Some(answer) = unread_request::in_place_of(bytes, self.state.header()) else {
            self.state.note_frames();
            return false;
        };
        self.answer = answer;
        true
    }

    fn poll_write_answer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.answer.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.answer))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.answer.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ProblemSocket<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        self.state.note_read(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for ProblemSocket<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_write_answer(cx))?;
        if self.replace(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_write_answer(cx))?;
        if let [head, rest @ ..] = slices
            && rest.iter().all(|slice| slice.is_empty())
            && self.replace(head)
        {
            return Poll::Ready(Ok(head.len()));
        }
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// hyper flushes when it has written all that it had.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_answer(cx))?;
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.state.written_in_full();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_answer(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const CANNED: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
        date: Mon, 30 Nov 2026 10:00:00 GMT\r\n\r\n";

    /// Writes bytes through the socket of a connection in that state, and returns what the client receives.
    async fn written(state: &Arc<ConnectionState>, bytes: &[u8]) -> String {
        let (mut client, server) = tokio::io::duplex(4_096);
        let mut socket = ProblemSocket::new(server, state.clone());
        socket.write_all(bytes).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut received = String::new();
        client.read_to_string(&mut received).await.unwrap();
        received
    }

    #[tokio::test]
    async fn only_an_answer_of_hyper_gets_a_body() {
        let received = written(&Arc::default(), CANNED).await;
        assert!(received.starts_with("HTTP/1.1 414 ") && received.contains("\"code\":\"URI_TOO_LONG\""), "{received}");
        for other in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            b"HTTP/1.1 400 Bad Request\r\nx-content-type-options: nosniff\r\ncontent-length: 0\r\n\r\n",
        ] {
            assert_eq!(written(&Arc::default(), other).await.as_bytes(), other);
        }
    }

    #[tokio::test]
    async fn a_response_of_the_service_is_not_changed_even_if_it_looks_like_one_of_hyper() {
        let state = Arc::<ConnectionState>::default();
        state.request_begins(false);
        assert_eq!(written(&state, CANNED).await.as_bytes(), CANNED, "the request is being handled");
        state.response_ready();
        assert_eq!(written(&state, CANNED).await.as_bytes(), CANNED, "the response is being written");
        state.response_complete();
        assert_eq!(written(&state, CANNED).await.as_bytes(), CANNED, "the end of the response was not flushed yet");
        state.written_in_full();
        assert_ne!(written(&state, CANNED).await.as_bytes(), CANNED);
        state.request_begins(true);
        state.response_complete();
        state.written_in_full();
        assert_eq!(written(&state, CANNED).await.as_bytes(), CANNED, "the connection speaks HTTP/2");
    }

    #[tokio::test]
    async fn a_connection_that_began_with_frames_gets_no_http_1_answer() {
        let state = Arc::<ConnectionState>::default();
        let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\x01\0";
        assert_eq!(written(&state, settings).await.as_bytes(), settings);
        assert!(!state.is_between_responses());
    }

    #[tokio::test]
    async fn an_answer_waits_for_a_slow_client() {
        let (mut client, server) = tokio::io::duplex(16);
        let mut socket = ProblemSocket::new(server, Arc::default());
        let writing = tokio::spawn(async move {
            socket.write_all(CANNED).await.unwrap();
            socket.flush().await.unwrap();
        });
        let mut received = String::new();
        client.read_to_string(&mut received).await.unwrap();
        writing.await.unwrap();
        assert!(received.ends_with('}') && received.contains("URI_TOO_LONG"), "{received}");
    }
}
