//! IDSESSION: many commands through one connection, each reply with its command's number, whichever is done first.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::command::{Command, Framed, Style, Traversal};
use super::connection::{Conversation, NoCommand, examined, next};
use super::outgoing::Reply;
use super::{descriptor, paths, statistics, stream};

/// Answers commands until END. Nothing more is read while as many scans as allowed are under way.
pub(super) async fn run(conversation: &mut Conversation, mut style: Style) -> io::Result<()> {
    let mut scans: JoinSet<io::Result<()>> = JoinSet::new();
    let mut number = 0;
    let mut active = Instant::now();
    let patience = conversation.front.settings.read_patience();
    let parallel = conversation.front.settings.parallel.max(1);
    let stop = conversation.front.stop.clone();
    loop {
        let until = scans.is_empty().then(|| active + patience);
        let framed = tokio::select! {
            biased;
            Some(done) = scans.join_next(), if !scans.is_empty() => {
                // A scan that panicked has answered nothing, so nothing may follow it.
                done.map_err(io::Error::other)??;
                active = Instant::now();
                continue;
            }
            () = stop.cancelled() => break,
            framed = next(&mut conversation.incoming, until), if scans.len() < parallel => framed,
        };
        number += 1;
        match framed {
            Ok(Framed { style: Style::Packet, .. }) => {
                let reply = conversation.reply(style, Some(number));
                reply.line(br"Only nCMDS\n and zCMDS\0 are accepted inside IDSESSION. ERROR").await?;
                reply.line(b"Error processing command. ERROR").await?;
                break;
            }
            Ok(framed) => {
                style = framed.style;
                let reply = conversation.reply(style, Some(number));
                if let Then::End = begin(conversation, framed.command, reply, &mut scans).await? {
                    break;
                }
            }
            Err(NoCommand::End(end)) => {
                let reply = conversation.reply(style, Some(number));
                conversation.ended(end, &reply).await?;
                break;
            }
            Err(NoCommand::TooLong) => break,
        }
        active = Instant::now();
    }
    while let Some(done) = scans.join_next().await {
        done.map_err(io::Error::other)??;
    }
    Ok(())
}

/// Whether the session goes on.
enum Then {
    Go,
    End,
}

async fn begin(
    conversation: &mut Conversation,
    command: Command,
    reply: Reply,
    scans: &mut JoinSet<io::Result<()>>,
) -> io::Result<Then> {
    let (front, peer) = (Arc::clone(&conversation.front), conversation.peer);
    match command {
        Command::End => return Ok(Then::End),
        Command::Ping => reply.line(b"PONG").await?,
        Command::Version => reply.line(statistics::version().as_bytes()).await?,
        Command::Commands => reply.line(statistics::commands().as_bytes()).await?,
        Command::Statistics => reply.line(statistics::statistics(&front).as_bytes()).await?,
        Command::Stream => match stream::take(&front, &mut conversation.incoming).await {
            Ok(file) => {
                drop(scans.spawn(async move { examined(&front, peer, file, "stream", &reply).await }))
            }
            Err(failure) => {
                conversation.no_stream(failure, &reply).await?;
                return Ok(Then::End);
            }
        },
        Command::Descriptor => {
            let until = Instant::now() + front.settings.read_patience();
            match descriptor::take(&mut conversation.incoming, until).await {
                Ok(file) => drop(scans.spawn(async move {
                    let subject = format!("fd[{}]", file.as_raw_fd());
                    examined(&front, peer, file.into(), &subject, &reply).await
                })),
                Err(failure) => {
                    conversation.no_descriptor(failure, &reply).await?;
                    return Ok(Then::End);
                }
            }
        }
        Command::Scan(Traversal::First, path) => {
            scans.spawn(async move { paths::scan(&front, peer, Traversal::First, path, &reply).await });
        }
        Command::Scan(..)
        | Command::Nothing
        | Command::Reload
        | Command::Shutdown
        | Command::Session
        | Command::Unknown => {
            reply.line(b"Command invalid inside IDSESSION. ERROR").await?;
            return Ok(Then::End);
        }
    }
    Ok(Then::Go)
}
