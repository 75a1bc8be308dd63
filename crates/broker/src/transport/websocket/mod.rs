//! MQTT over WebSocket (RFC 6455): a stream of bytes inside of frames.

mod frames;
mod handshake;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use events::DisconnectReason;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::Fault;
use frames::{Control, Incoming, NORMAL, put_binary, put_close, put_pong};
use handshake::{Answer, HEAD_BYTES_MAX};

/// The server's side of a WebSocket.
#[derive(Debug)]
pub(super) struct WebSocket<S> {
    stream: S,
    incoming: Incoming,
    /// Bytes that came behind the handshake.
    early: Vec<u8>,
    /// Frames that the stream did not take yet. There is room for one write and what answers the client's frames.
    out: BytesMut,
    /// Whether a close frame was received, and whether one was sent.
    is_closed: bool,
    has_said_close: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Answers the handshake of a client that asks for `path`.
    pub(super) async fn accept(mut stream: S, path: &str) -> io::Result<WebSocket<S>> {
        let mut head = Vec::new();
        loop {
            if stream.read_buf(&mut head).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(fault) = other_protocol(&head) {
                return Err(fault.into());
            }
            match handshake::answer(&head, path) {
                Answer::Partial => head.reserve(HEAD_BYTES_MAX.min(1024)),
                Answer::Accepted { head_len, response } => {
                    stream.write_all(response.as_bytes()).await?;
                    stream.flush().await?;
                    let early = head.split_off(head_len);
                    return Ok(WebSocket {
                        stream,
                        incoming: Incoming::default(),
                        early,
                        out: BytesMut::new(),
                        is_closed: false,
                        has_said_close: false,
                    });
                }
                Answer::Refused { response, words } => {
                    stream.write_all(response.as_bytes()).await?;
                    stream.shutdown().await?;
                    return Err(Fault::new(DisconnectReason::WebsocketError, words).into());
                }
            }
        }
    }

    /// Takes the frames in what was read behind the first `before_len` bytes of `buf`, which then holds their payloads.
    fn take_frames(&mut self, buf: &mut ReadBuf<'_>, before_len: usize) -> io::Result<()> {
        let mut controls = Vec::new();
        let taken = self.incoming.take(buf.filled_mut().get_mut(before_len..).unwrap_or_default(), &mut controls);
        for control in controls {
            match control {
                // Answering the last of many is enough (section 5.5.3).
                Control::Ping(payload) if self.out.is_empty() => put_pong(&payload, &mut self.out),
                Control::Ping(_) => {}
                Control::Close(code) => {
                    self.is_closed = true;
                    self.say_close(code.unwrap_or(NORMAL), "");
                }
            }
        }
        match taken {
            Ok(len) => {
                buf.set_filled(before_len + len);
                Ok(())
            }
            Err(violation) => {
                buf.set_filled(before_len);
                self.is_closed = true;
                self.say_close(violation.code, violation.words);
                Err(Fault::new(DisconnectReason::WebsocketError, violation.words).into())
            }
        }
    }

    fn say_close(&mut self, code: u16, words: &str) {
        if !std::mem::replace(&mut self.has_said_close, true) {
            put_close(code, words, &mut self.out);
        }
    }

    /// Writes the frames that wait.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let len = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out))?;
            if len == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(len);
        }
        // An idle connection holds no buffer.
        self.out = BytesMut::new();
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

/// What speaks to a port for WebSockets though it is none.
fn other_protocol(head: &[u8]) -> Option<Fault> {
    let words = match head.first() {
        Some(0x10) => "expected a WebSocket handshake, found MQTT; help: use the TCP listener",
        Some(0x16) => {
            "expected a WebSocket handshake, found a TLS handshake; help: connect with `ws:` or to the \
                       listener of kind `wss`"
        }
        Some(_) | None => return None,
    };
    Some(Fault::new(DisconnectReason::WebsocketError, words))
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.is_closed {
                return Poll::Ready(Ok(()));
            }
            let before_len = buf.filled().len();
            if this.early.is_empty() {
                ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            } else {
                let here = this.early.len().min(buf.remaining());
                buf.put_slice(this.early.get(..here).unwrap_or_default());
                this.early.drain(..here);
            }
            if buf.filled().len() == before_len {
                return Poll::Ready(Ok(()));
            }
            let taken = this.take_frames(buf, before_len);
            // What cannot be written now is written with the next bytes to the client.
            let _pending_or_broken = this.poll_out(cx);
            taken?;
            if buf.filled().len() > before_len {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_out(cx))?;
        if this.has_said_close {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        put_binary(bytes, &mut this.out);
        match this.poll_out(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // What the stream did not take is kept here.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_out(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.say_close(NORMAL, "");
        ready!(this.poll_out(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}
