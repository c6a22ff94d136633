//! Errors of NATS as refusals.

use std::error::Error as _;

use async_nats::{
    error::Error,
    jetstream::{
        ErrorCode,
        context::PublishErrorKind,
        kv::{CreateErrorKind, DeleteErrorKind, UpdateErrorKind},
    },
};

use crate::{engine::Refusal, fleet::Written};

/// Why an entry is not stored.
pub(super) fn of_publish(error: &Error<PublishErrorKind>) -> Refusal {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded => Refusal::TooLarge,
        PublishErrorKind::WrongLastSequence => Refusal::Fenced,
        PublishErrorKind::Other => match code(error) {
            Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM) => Refusal::TooLarge,
            Some(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT) => Refusal::Fenced,
            Some(ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE) => Refusal::Double,
            // The server has too many batches, and answers the end of a batch that it dropped so.
            Some(
                ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH
                | ErrorCode::ATOMIC_PUBLISH_TOO_MANY_INFLIGHT,
            ) => Refusal::Busy,
            _ => Refusal::Unavailable(error.to_string().into()),
        },
        _ => Refusal::Unavailable(error.to_string().into()),
    }
}

fn code<K>(error: &Error<K>) -> Option<ErrorCode>
where
    K: Clone + std::fmt::Debug + std::fmt::Display + PartialEq + 'static,
{
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<async_nats::jetstream::Error>() {
            return Some(error.error_code());
        }
        source = error.source();
    }
    None
}

/// The result of a write that failed.
pub(super) fn of_create(error: &Error<CreateErrorKind>) -> Written {
    match error.kind() {
        CreateErrorKind::AlreadyExists => Written::Refused,
        _ => unknown_or_refused(error),
    }
}

/// The result of a write that failed.
pub(super) fn of_update(error: &Error<UpdateErrorKind>) -> Written {
    match error.kind() {
        UpdateErrorKind::WrongLastRevision => Written::Refused,
        _ => unknown_or_refused(error),
    }
}

/// The result of a deletion that failed.
pub(super) fn of_delete(error: &Error<DeleteErrorKind>) -> Written {
    unknown_or_refused(error)
}

fn unknown_or_refused<K>(error: &Error<K>) -> Written
where
    K: Clone + std::fmt::Debug + std::fmt::Display + PartialEq + 'static,
{
    let is_refused = matches!(
        code(error),
        Some(
            ErrorCode::STREAM_WRONG_LAST_SEQUENCE | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT
        )
    );
    if is_refused { Written::Refused } else { Written::Unknown }
}
