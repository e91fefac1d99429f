//! Upload sessions: content that arrives in fragments, counted by the budget of the stores.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;

use crate::odata::range::FragmentRange;
use crate::world::budget::{Budget, Reservation};

/// The largest number of sessions of a world at once.
const SESSIONS: usize = 1_000;

/// The smallest number of bytes of a session without its content.
const SESSION_BYTES: usize = 4 * 1024;

/// The bytes of a session beside its content and the texts of its target.
const OWN_BYTES: usize = 2 * 1024;

/// The bytes of a fragment beside its content.
const FRAGMENT_BYTES: usize = 64;

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
    /// Whether the content is stored with a request of its own, after the last fragment.
    pub is_deferred: bool,
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
    /// Whether all bytes have arrived.
    pub has_all: bool,
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
    /// The content is complete, and can be stored. The session waits for [`Uploads::end`] or [`Uploads::resume`].
    Complete(UploadTarget, Bytes),
}

impl UploadTarget {
    /// Returns the bytes of a session without its content.
    fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let texts = self.path.len() + headers + self.attachment.as_ref().map_or(0, String::len);
        SESSION_BYTES.max(OWN_BYTES + texts)
    }
}

#[derive(Debug)]
struct Session {
    target: UploadTarget,
    until: SystemTime,
    fragments: Vec<Bytes>,
    received: usize,
    total: Option<usize>,
    room: Reservation,
    /// Whether the content is complete, and about to be stored.
    is_complete: bool,
}

impl Session {
    fn state(&self) -> UploadState {
        let is_attachment = self.target.attachment.is_some();
        let has_all = self.total == Some(self.received);
        UploadState { received: self.received, until: self.until, is_attachment, has_all }
    }
}

/// Returns the whole content.
fn joined(fragments: Vec<Bytes>, last: &[u8]) -> Bytes {
    let length = fragments.iter().map(Bytes::len).sum::<usize>() + last.len();
    let mut content = BytesMut::with_capacity(length);
    for fragment in fragments {
        content.extend_from_slice(&fragment);
    }
    content.extend_from_slice(last);
    content.freeze()
}

impl Uploads {
    /// Returns the sessions that are not at their end.
    fn current(&self, now: SystemTime) -> MutexGuard<'_, BTreeMap<String, Session>> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.until > now);
        sessions
    }

    /// Begins a session. Returns `false` if there is not enough room.
    pub fn begin(&self, id: String, target: UploadTarget, now: SystemTime, until: SystemTime, budget: &Arc<Budget>) -> bool {
        let mut sessions = self.current(now);
        let Some(room) = budget.take(target.bytes()).filter(|_| sessions.len() < SESSIONS) else { return false };
        let session = Session { target, until, fragments: Vec::new(), received: 0, total: None, room, is_complete: false };
        sessions.insert(id, session);
        true
    }

    /// Returns the state of a session.
    pub fn state(&self, id: &str, now: SystemTime) -> Option<UploadState> {
        self.current(now).get(id).map(Session::state)
    }

    /// Ends a session. Returns whether there was one.
    pub fn cancel(&self, id: &str, now: SystemTime) -> bool {
        self.current(now).remove(id).is_some()
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
        let mut sessions = self.current(now);
        let session = sessions.get_mut(id).ok_or(FragmentProblem::Unknown)?;
        if bytes.len() != range.bytes.len() || session.total.is_some_and(|total| total != range.total) {
            return Err(FragmentProblem::Length);
        }
        match range.bytes.start.cmp(&session.received) {
            // Another client has sent the last one.
            _ if session.is_complete => return Err(FragmentProblem::Overlap),
            std::cmp::Ordering::Less => return Err(FragmentProblem::Overlap),
            std::cmp::Ordering::Greater => return Err(FragmentProblem::Gap),
            std::cmp::Ordering::Equal => {}
        }
        if !session.room.grow(bytes.len() + FRAGMENT_BYTES) {
            return Err(FragmentProblem::Full);
        }
        session.total = Some(range.total);
        if session.received + bytes.len() < range.total || session.target.is_deferred {
            session.fragments.push(Bytes::copy_from_slice(bytes));
            session.received += bytes.len();
            return Ok(FragmentResult::More(session.state()));
        }
        session.is_complete = true;
        let (received, target, fragments) = (session.received, session.target.clone(), std::mem::take(&mut session.fragments));
        drop(sessions);
        // Other sessions do not wait for it.
        let content = joined(fragments, bytes);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get_mut(id) {
            session.fragments.push(content.slice(..received));
            // It is counted where it is stored.
            session.room.shrink_to(session.target.bytes());
        }
        Ok(FragmentResult::Complete(target, content))
    }

    /// Returns the content of a session with all fragments that waits for a request to store it. `None`: it has not all of them, or another
    /// request stores it. As with the last fragment, the session waits for [`Uploads::end`] or [`Uploads::resume`].
    pub(crate) fn commit(&self, id: &str, now: SystemTime) -> Option<(UploadTarget, Bytes)> {
        let mut sessions = self.current(now);
        let session = sessions.get_mut(id).filter(|session| session.state().has_all && !session.is_complete)?;
        session.is_complete = true;
        let (target, fragments) = (session.target.clone(), std::mem::take(&mut session.fragments));
        drop(sessions);
        // Other sessions do not wait for it.
        let content = joined(fragments, &[]);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get_mut(id) {
            session.fragments.push(content.clone());
            session.room.shrink_to(session.target.bytes());
        }
        Some((target, content))
    }

    /// Ends a session whose content is stored.
    pub(crate) fn end(&self, id: &str) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Lets a session whose content could not be stored wait for its last fragment again, or for the request that stores it.
    pub(crate) fn resume(&self, id: &str) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = sessions.get_mut(id).filter(|session| session.is_complete) else { return };
        session.is_complete = false;
        // The bytes are there, with those of the last fragment, even if others have taken the room meanwhile.
        let bytes = session.target.bytes() + session.total.unwrap_or(session.received) + FRAGMENT_BYTES;
        let added = bytes.saturating_sub(session.room.bytes());
        session.room.hold(added);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::odata::range;

    fn target() -> UploadTarget {
        let path = "/v1.0/me/drive/root:/a:/content".to_owned();
        UploadTarget { path, headers: HeaderMap::new(), attachment: None, is_deferred: false }
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn take(uploads: &Uploads, now: u64, range: &str, bytes: &[u8]) -> Result<Option<Vec<u8>>, FragmentProblem> {
        let result = uploads.take("1", at(now), &range::fragment(range).unwrap(), bytes)?;
        Ok(match result {
            FragmentResult::More(_) => None,
            FragmentResult::Complete(_, bytes) => Some(bytes.to_vec()),
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
        assert_eq!(uploads.state("2", at(1)), None);
        assert_eq!(take(&uploads, 99, "bytes 2-5/6", b"cdef"), Ok(Some(b"abcdef".to_vec())));
        uploads.end("1");
        assert_eq!(take(&uploads, 99, "bytes 2-5/6", b"cdef"), Err(FragmentProblem::Unknown));
        assert_eq!(budget.used(), 0);
        assert!(uploads.begin("1".to_owned(), target(), at(0), at(100), &budget));
        assert_eq!(take(&uploads, 1, "bytes 0-1/6", b"ab"), Ok(None));
        assert_eq!((uploads.state("1", at(99)).map(|state| state.received), uploads.state("1", at(100))), (Some(2), None));
        assert_eq!(take(&uploads, 100, "bytes 2-5/6", b"cdef"), Err(FragmentProblem::Unknown));
    }

    #[test]
    fn sessions_at_their_end_hold_nothing() {
        let (uploads, budget) = (Uploads::default(), Arc::new(Budget::new(1 << 20)));
        let begin = || assert!(uploads.begin("1".to_owned(), target(), at(0), at(100), &budget));
        let range = FragmentRange { bytes: 0..1, total: 2 };
        let touches: [&dyn Fn(); 3] = [
            &|| assert_eq!(uploads.state("2", at(100)), None),
            &|| assert_eq!(uploads.take("2", at(100), &range, b"a").unwrap_err(), FragmentProblem::Unknown),
            &|| assert!(!uploads.cancel("2", at(100))),
        ];
        for touch in touches {
            begin();
            assert_eq!(budget.used(), SESSION_BYTES);
            touch();
            assert_eq!(budget.used(), 0);
        }
    }

    #[test]
    fn all_that_a_session_holds_is_counted() {
        let used = |target: UploadTarget| {
            let (uploads, budget) = (Uploads::default(), Arc::new(Budget::new(1 << 30)));
            assert!(uploads.begin("1".to_owned(), target, at(0), at(100), &budget));
            budget.used()
        };
        let mebibyte = || "a".repeat(1 << 20);
        let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, mebibyte().parse().unwrap())]);
        for target in [
            UploadTarget { path: mebibyte(), ..target() },
            UploadTarget { headers, ..target() },
            UploadTarget { attachment: Some(mebibyte()), ..target() },
        ] {
            assert!(used(target.clone()) > 1 << 20, "{}", used(target));
        }
        assert_eq!(used(target()), SESSION_BYTES);
        // Many small fragments cost more than their bytes.
        let (uploads, budget) = (Uploads::default(), Arc::new(Budget::new(1 << 20)));
        assert!(uploads.begin("1".to_owned(), target(), at(0), at(100), &budget));
        for index in 0..100 {
            uploads.take("1", at(0), &FragmentRange { bytes: index..index + 1, total: 101 }, b"a").unwrap();
        }
        assert_eq!(budget.used(), SESSION_BYTES + 100 * (1 + FRAGMENT_BYTES));
        let last = FragmentRange { bytes: 100..101, total: 101 };
        let FragmentResult::Complete(_, content) = uploads.take("1", at(0), &last, b"b").unwrap() else {
            panic!("it is complete")
        };
        assert_eq!(&*content, format!("{}b", "a".repeat(100)).as_bytes());
    }

    #[test]
    fn content_that_could_not_be_stored_waits_for_its_last_fragment_again() {
        let (uploads, budget) = (Uploads::default(), Arc::new(Budget::new(1 << 20)));
        assert!(uploads.begin("1".to_owned(), target(), at(0), at(100), &budget));
        assert_eq!(take(&uploads, 1, "bytes 0-1/6", b"ab"), Ok(None));
        for _ in 0..3 {
            assert_eq!(take(&uploads, 1, "bytes 2-5/6", b"cdef"), Ok(Some(b"abcdef".to_vec())));
            assert_eq!(budget.used(), SESSION_BYTES, "it is counted where it is stored");
            assert_eq!(take(&uploads, 1, "bytes 2-5/6", b"cdef"), Err(FragmentProblem::Overlap), "it is stored once");
            let others = budget.take(budget.limit() - budget.used()).unwrap();
            uploads.resume("1");
            assert!(budget.used() >= budget.limit() + 6, "what is held is counted");
            drop(others);
            assert_eq!(uploads.state("1", at(1)).unwrap().received, 2);
        }
        assert!(uploads.cancel("1", at(1)));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn deferred_content_waits_for_the_request_that_stores_it() {
        let (uploads, budget) = (Uploads::default(), Arc::new(Budget::new(1 << 20)));
        let target = UploadTarget { is_deferred: true, ..target() };
        assert!(uploads.begin("1".to_owned(), target, at(0), at(100), &budget));
        let commit = |now| uploads.commit("1", at(now)).map(|(_, content)| content.to_vec());
        assert_eq!((commit(1), uploads.state("1", at(1)).unwrap().has_all), (None, false));
        assert_eq!(take(&uploads, 1, "bytes 0-1/6", b"ab"), Ok(None));
        assert_eq!((commit(1), uploads.state("1", at(1)).unwrap().has_all), (None, false));
        assert_eq!(take(&uploads, 1, "bytes 2-5/6", b"cdef"), Ok(None));
        assert!(uploads.state("1", at(1)).unwrap().has_all);
        assert_eq!(take(&uploads, 1, "bytes 2-5/6", b"cdef"), Err(FragmentProblem::Overlap));
        let held = SESSION_BYTES + 6 + 2 * FRAGMENT_BYTES;
        assert_eq!(budget.used(), held);
        for _ in 0..3 {
            assert_eq!(commit(99), Some(b"abcdef".to_vec()));
            assert_eq!(budget.used(), SESSION_BYTES, "it is counted where it is stored");
            assert_eq!(commit(99), None, "it is stored once");
            uploads.resume("1");
            assert_eq!(budget.used(), held - FRAGMENT_BYTES, "what is held is counted");
        }
        assert_eq!((commit(100), budget.used()), (None, 0), "the session is at its end");
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
