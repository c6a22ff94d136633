//! The numbers of bytes, and memory.

use websocket_heartbeat::{Connection, Message};

use super::client::{Client, Kept, Subject, Tested, ensure};

/// The size of a message, to which its frame adds less than a tenth.
const SIZE: usize = 256 << 10;

fn numbers<S: Subject>(tested: &Tested<'_, S>) -> [(&'static str, Option<u64>); 2] {
    [
        ("bytes_written", tested.connection.bytes_written()),
        ("bytes_read", tested.connection.bytes_read()),
    ]
}

pub(super) async fn known(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/echo").await?;
    let before = numbers(&tested);
    tested.send(Message::text("hello")).await?;
    tested.reads_message("hello").await?;
    for ((name, before), (_, after)) in before.into_iter().zip(numbers(&tested)) {
        ensure!(before.is_some() == after.is_some(), "`{name}` is {before:?}, and then {after:?}");
    }
    Ok(())
}

pub(super) async fn increase(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/echo").await?;
    let mut last = numbers(&tested);
    for _ in 0..20 {
        tested.start(Message::binary(vec![0; 10_000])).await?;
        compare(&mut last, &tested)?;
        tested.flush().await?;
        compare(&mut last, &tested)?;
        tested.message().await?;
        compare(&mut last, &tested)?;
    }
    Ok(())
}

fn compare<S: Subject>(
    last: &mut [(&'static str, Option<u64>); 2],
    tested: &Tested<'_, S>,
) -> Kept {
    let now = numbers(tested);
    for ((name, before), (_, after)) in last.iter().zip(now) {
        ensure!(*before <= after, "`{name}` is {before:?}, and then {after:?}");
    }
    *last = now;
    Ok(())
}

pub(super) async fn include(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/echo").await?;
    let before = numbers(&tested);
    tested.send(Message::binary(vec![1; SIZE])).await?;
    tested.message().await?;
    for ((name, before), (_, after)) in before.into_iter().zip(numbers(&tested)) {
        if let (Some(before), Some(after)) = (before, after) {
            let count = after - before.min(after);
            let expected = SIZE as u64..(SIZE + SIZE / 10) as u64;
            ensure!(expected.contains(&count), "`{name}` counts {count} of {SIZE} bytes");
        }
    }
    Ok(())
}

pub(super) async fn unacknowledged(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/echo").await?;
    tested.send(Message::binary(vec![1; SIZE])).await?;
    // The echo has acknowledged everything.
    tested.message().await?;
    let count = tested.connection.unacknowledged().unwrap_or(0);
    ensure!(count == 0, "{count} bytes are unacknowledged after the echo");
    Ok(())
}

pub(super) async fn shrink(client: &Client<'_, impl Subject>) -> Kept {
    let mut tested = client.connect("/echo").await?;
    for size in [10, 100_000, 10] {
        let message = Message::binary(vec![1; size]);
        tested.start(message.clone()).await?;
        tested.connection.as_mut().shrink();
        tested.flush().await?;
        tested.reads_message(message).await?;
        tested.connection.as_mut().shrink();
    }
    // With half of a message.
    let mut tested = client.connect("/half").await?;
    tested.is_pending().await?;
    tested.connection.as_mut().shrink();
    tested.go().await?;
    tested.reads_message("first second").await
}
