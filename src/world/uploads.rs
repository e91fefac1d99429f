//! Upload sessions: content that arrives in fragments, counted by the budget of the stores.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http::header::HeaderMap;

use crate::odata::range::FragmentRange;
use crate::world::budget::{Budget, Reservation};

/// The largest number of sessions of a world at once.
const SESSIONS: usize = 1_000;

/// The bytes of a session without its content.
const SESSION_BYTES: usize = 4 * 1024;

/// The sessions of a world.
#[derive(Debug, Default)]
pub struct Uploads {
    sessions: Mutex<BTreeMap<String, Session>>,
}

/// The effect of a complete upload.
#[derive(Clone, Debug)]
pub struct UploadTarget {
    /// The path and query of the request that stores the content.
    pub path: String,
    /// The headers of that request.
    pub headers: HeaderMap,
    /// The members of an attachment, as JSON; `None` for a file.
    pub attachment: Option<String>,
}

/// The state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadState {
    /// The number of bytes that have arrived.
    pub received: usize,
    /// The end of the session.
    pub until: SystemTime,
    /// Whether it is for an attachment.
    pub is_attachment: bool,
}

/// The reason why a fragment was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FragmentProblem {
    /// The session is unknown, or at its end.
    Unknown,
    /// It begins before the end of those that have arrived.
    Overlap,
    /// It begins behind it.
    Gap,
    /// The length of the whole, or of the fragment, is not as stated.
    Length,
    /// There is not enough room.
    Full,
}

/// The result of a fragment.
#[derive(Debug)]
pub(crate) enum FragmentResult {
    /// Others follow.
    More(UploadState),
    /// The content is complete, and the session at its end.
    Complete(UploadTarget, Vec<u8>),
}

#[derive(Debug)]
struct Session {
    target: UploadTarget,
    until: SystemTime,
    content: Vec<u8>,
    total: Option<usize>,
    room: Reservation,
}

impl Session {
    fn state(&self) -> UploadState {
        let is_attachment = self.target.attachment.is_some();
        UploadState { received: self.content.len(), until: self.until, is_attachment }
    }
}

impl Uploads {
    /// Begins a session. Returns `false` if there is not enough room.
    pub fn begin(&self, id: String, target: UploadTarget, now: SystemTime, until: SystemTime, budget: &Arc<Budget>) -> bool {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.until > now);
        let Some(room) = budget.take(SESSION_BYTES).filter(|_| sessions.len() < SESSIONS) else { return false };
        sessions.insert(id, Session { target, until, content: Vec::new(), total: None, room });
        true
    }

    /// Returns the state of a session.
    pub fn state(&self, id: &str, now: SystemTime) -> Option<UploadState> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(id).filter(|session| session.until > now).map(Session::state)
    }

    /// Ends a session. Returns whether there was one.
    pub fn cancel(&self, id: &str, now: SystemTime) -> bool {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.remove(id).is_some_and(|session| session.until > now)
    }

    /// Takes a fragment, the next one of its session.
    ///
    /// # Errors
    ///
    /// Fails, and changes nothing, if it is not the next one, or if there is not enough room.
    pub(crate) fn take(
        &self,
        id: &str,
        now: SystemTime,
        range: &FragmentRange,
        bytes: &[u8],
    ) -> Result<FragmentResult, FragmentProblem> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get_mut(id).filter(|session| session.until > now).ok_or(FragmentProblem::Unknown)?;
        if bytes.len() != range.bytes.len() || session.total.is_some_and(|total| total != range.total) {
            return Err(FragmentProblem::Length);
        }
        match range.bytes.start.cmp(&session.content.len()) {
            std::cmp::Ordering::Less => return Err(FragmentProblem::Overlap),
            std::cmp::Ordering::Greater => return Err(FragmentProblem::Gap),
            std::cmp::Ordering::Equal => {}
        }
        if !session.room.grow(bytes.len()) {
            return Err(FragmentProblem::Full);
        }
        session.total = Some(range.total);
        session.content.reserve_exact(bytes.len());
        session.content.extend_from_slice(bytes);
        if session.content.len() < range.total {
            return Ok(FragmentResult::More(session.state()));
        }
        let Session { target, content, .. } = sessions.remove(id).ok_or(FragmentProblem::Unknown)?;
        Ok(FragmentResult::Complete(target, content))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::odata::range;

    fn target() -> UploadTarget {
        UploadTarget { path: "/v1.0/me/drive/root:/a:/content".to_owned(), headers: HeaderMap::new(), attachment: None }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn take(uploads: &Uploads, now: u64, range: &str, bytes: &[u8]) -> Result<Option<Vec<u8>>, FragmentProblem> {
        let result = uploads.take("1", at(now), &range::fragment(range).unwrap(), bytes)?;
        Ok(match result {
            FragmentResult::More(_) => None,
            FragmentResult::Complete(_, bytes) => Some(bytes),
        })
    }

    #[test]
    fn fragments_arrive_in_order_and_within_the_time_of_the_session() {
        let (uploads, budget) = (Uploads::default(), Arc::new(Budget::new(1 << 20)));
        assert!(uploads.begin("1".to_owned(), target(), at(0), at(100), &budget));
        assert_eq!(take(&uploads, 1, "bytes 2-3/6", b"cd"), Err(FragmentProblem::Gap));
        assert_eq!(take(&uploads, 1, "bytes 0-1/6", b"abc"), Err(FragmentProblem::Length));
        assert_eq!(take(&uploads, 1, "bytes 0-1/6", b"ab"), Ok(None));
        assert_eq!(take(&uploads, 1, "bytes 0-1/6", b"ab"), Err(FragmentProblem::Overlap));
        assert_eq!(take(&uploads, 1, "bytes 2-3/7", b"cd"), Err(FragmentProblem::Length));
        assert_eq!(uploads.state("1", at(1)).unwrap().received, 2);
        assert_eq!((uploads.state("1", at(100)), uploads.state("2", at(1))), (None, None));
        assert_eq!(take(&uploads, 100, "bytes 2-5/6", b"cdef"), Err(FragmentProblem::Unknown));
        assert_eq!(take(&uploads, 99, "bytes 2-5/6", b"cdef"), Ok(Some(b"abcdef".to_vec())));
        assert_eq!(take(&uploads, 99, "bytes 2-5/6", b"cdef"), Err(FragmentProblem::Unknown));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn sessions_are_bounded_in_number_and_in_bytes() {
        let (uploads, budget) = (Uploads::default(), Arc::new(Budget::new(10 * SESSION_BYTES)));
        let begin = |id: usize, now: u64| uploads.begin(id.to_string(), target(), at(now), at(now + 10), &budget);
        assert!((0..10).all(|id| begin(id, 0)) && !begin(10, 0));
        let byte = FragmentRange { bytes: 0..1, total: 2 };
        assert_eq!(uploads.take("1", at(0), &byte, b"a").unwrap_err(), FragmentProblem::Full);
        assert!(uploads.cancel("2", at(0)) && !uploads.cancel("2", at(0)));
        assert!(uploads.take("1", at(0), &byte, b"a").is_ok());
        assert!(begin(11, 10), "those before are at their end");
        assert_eq!(budget.used(), SESSION_BYTES);
        let large = Arc::new(Budget::new(usize::MAX));
        let count = (0..2 * SESSIONS).filter(|id| uploads.begin(format!("n{id}"), target(), at(10), at(20), &large)).count();
        assert_eq!(count, SESSIONS - 1);
    }
}
