//! Front-ends that serve, and how to end them: no new clients, then wait for those who are there.

use std::io;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::frontends::Frontend;
use crate::listener::Listener;
use crate::opening::Socket;
use crate::service::Service;

/// Front-ends that serve.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    tasks: JoinSet<&'static str>,
    rooms: Vec<(Arc<Semaphore>, usize)>,
    stop: CancellationToken,
}

impl Serving {
    /// Lets a front-end serve the clients of a socket.
    ///
    /// # Errors
    /// When the socket cannot be waited for.
    pub(crate) fn add(&mut self, frontend: &Frontend, socket: Socket, service: &Service) -> io::Result<()> {
        let listener = Listener::new(socket, frontend.connections)?;
        info!(frontend = frontend.name, address = listener.address(), "listening");
        self.rooms.push((listener.room(), frontend.connections));
        let work = (frontend.serve)(service.of_frontend(frontend.name), listener, self.stop.child_token());
        let name = frontend.name;
        self.tasks.spawn(async move {
            work.await;
            name
        });
        Ok(())
    }

    /// Waits until a front-end ends without having been told to, which none should; for ever, if there is none.
    pub(crate) async fn unexpected_end(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(Ok(name)) => anyhow::anyhow!("the front-end {name} ended by itself"),
            Some(Err(error)) => anyhow::anyhow!("a front-end failed: {error}"),
            None => std::future::pending().await,
        }
    }

    /// Takes no new clients, and waits until all have gone.
    pub(crate) async fn end(&mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        for (room, connections) in &self.rooms {
            let connections = u32::try_from(*connections).unwrap_or(u32::MAX);
            // It fails only when the room is closed, which it never is.
            let _ = room.acquire_many(connections).await;
        }
    }
}
