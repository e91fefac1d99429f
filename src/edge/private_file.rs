//! Private files: readable by their owner only, replaced as a whole or not at all.
//!
//! State files, recordings and the key of the local certificate authority may hold secrets, so they have mode 0600 from their first
//! byte on. A replacement is written to a file beside the target, which has an unguessable name and must not exist yet: no link that
//! another user has planted is followed. The first part of the name is that of the target, so that leftovers of a killed process can be
//! found. A file that is mounted into a container can be written, but not replaced: it is overwritten in place. On Windows the access
//! control of the folder applies.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write};
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Mode of a file for its owner only.
const OWNER_ONLY: u32 = 0o600;

/// Mode of a file that all users of the machine may read.
const READABLE: u32 = 0o644;

/// Replaces a file. On failure the old content is still there.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_by(path, &mut |file| file.write_all(content))
}

/// Replaces a file like [`replace`] by what a function writes.
pub(crate) fn replace_by(path: &Path, write: &mut WriteContent<'_>) -> io::Result<()> {
    replace_with_mode(path, write, OWNER_ONLY)
}

/// Writes the content of a file.
pub(crate) type WriteContent<'w> = dyn FnMut(&mut dyn Write) -> io::Result<()> + 'w;

/// Replaces a file in the same way that all users of the machine may read.
pub(crate) fn replace_readable(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_with_mode(path, &mut |file| file.write_all(content), READABLE)
}

fn replace_with_mode(path: &Path, write: &mut WriteContent<'_>, mode: u32) -> io::Result<()> {
    let mut replacement = match Replacement::with_mode(path, mode) {
        // A mounted file is often in a folder that cannot be written.
        Err(error) if is_denied(&error) && is_regular(path)? => {
            let mut content = Vec::new();
            write(&mut content)?;
            return overwrite(path, &content, mode);
        }
        replacement => replacement?,
    };
    write(&mut replacement)?;
    replacement.commit()
}

fn is_denied(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

/// Whether a file exists; an error if something else has its name, such as a device.
fn is_regular(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Creates a file with its whole content unless one exists, which is then left as it is.
pub(crate) fn create_if_absent(path: &Path, content: &[u8]) -> io::Result<()> {
    create_if_absent_by(path, &mut |file| file.write_all(content))
}

/// Creates a file like [`create_if_absent`] with what a function writes.
pub(crate) fn create_if_absent_by(path: &Path, write: &mut WriteContent<'_>) -> io::Result<()> {
    let mut replacement = Replacement::with_mode(path, OWNER_ONLY)?;
    write(&mut replacement)?;
    replacement.file.sync_all()?;
    // Unlike a rename, a link fails where a file exists.
    match fs::hard_link(&replacement.temporary, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => {
            sync_folder(path);
            Ok(())
        }
    }
}

/// Creates an empty file to append to; fails with [`ErrorKind::AlreadyExists`] if the name is taken, by a dangling link as well.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    create_with_mode(path, OWNER_ONLY)
}

/// Creates a file in a folder that has no name, or loses it when it is closed, to write to and read from.
pub(crate) fn scratch(folder: &Path) -> io::Result<File> {
    let path = folder.join(temporary_name(folder)?);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
    // FILE_FLAG_DELETE_ON_CLOSE
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::custom_flags(&mut options, 0x0400_0000);
    let file = options.open(&path)?;
    #[cfg(unix)]
    fs::remove_file(&path)?;
    Ok(file)
}

/// Creates a file for what a process in the background writes, which only its owner can read. Returns it with its path; writers
/// append.
pub(crate) fn create_log(folder: &Path) -> io::Result<(File, PathBuf)> {
    let path = folder.join(format!("wfi-emulator-{}.log", random_digits()?));
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
    Ok((options.open(&path)?, path))
}

/// Creates a folder that only its owner can use, if need be with those above it. Without them, an existing one is refused, since it may be
/// that of another user.
pub(crate) fn create_folder(folder: &Path, with_those_above: bool) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(with_those_above);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn create_with_mode(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)
}

/// Checks that [`replace`] can write a file, by the same steps: a file is replaced by its own content; for a missing one, a file beside it
/// is written and renamed.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    if is_regular(path)? {
        return replace(path, &fs::read(path)?);
    }
    let mut trial = Replacement::new(path)?;
    trial.write_all(b"{}\n")?;
    trial.target = path.with_file_name(temporary_name(path)?);
    let target = trial.target.clone();
    trial.commit()?;
    fs::remove_file(target)
}

/// Returns the file behind a link that the user has named; the link stays, and the file need not exist yet.
pub(crate) fn resolve_link(path: &Path) -> PathBuf {
    let linked = || fs::read_link(path).map(|target| path.parent().unwrap_or(Path::new("")).join(target));
    fs::canonicalize(path).or_else(|_| linked()).unwrap_or_else(|_| path.to_owned())
}

/// The new content of a file, written beside the old one. Dropped without [`Replacement::commit`], it leaves the old file.
#[derive(Debug)]
pub(crate) struct Replacement {
    target: PathBuf,
    temporary: PathBuf,
    file: File,
    mode: u32,
}

impl Replacement {
    /// Creates an empty replacement for a file, which need not exist.
    pub(crate) fn new(target: &Path) -> io::Result<Replacement> {
        Replacement::with_mode(target, OWNER_ONLY)
    }

    fn with_mode(target: &Path, mode: u32) -> io::Result<Replacement> {
        let temporary = target.with_file_name(temporary_name(target)?);
        let file = create_with_mode(&temporary, mode)?;
        Ok(Replacement { target: target.to_owned(), temporary, file, mode })
    }

    /// Puts the replacement in place of the file. A link of that name is replaced, not followed.
    pub(crate) fn commit(self) -> io::Result<()> {
        self.file.sync_all()?;
        match fs::rename(&self.temporary, &self.target) {
            // A file that is mounted into a container can be written, but not replaced.
            Err(error) if matches!(error.kind(), ErrorKind::ResourceBusy | ErrorKind::CrossesDevices) => {
                overwrite(&self.target, &fs::read(&self.temporary)?, self.mode)
            }
            Err(error) => Err(error),
            Ok(()) => {
                sync_folder(&self.target);
                Ok(())
            }
        }
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        // After a commit it is usually gone.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Overwrites a file in place; on failure the old content is written back. The part that makes the file longer is written first: on a
/// full disk nothing has changed then.
fn overwrite(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    if !is_same_file(path, &file)? {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a link is in the way"));
    }
    set_mode(path, &file, mode);
    let mut old = Vec::new();
    file.read_to_end(&mut old)?;
    let write = |file: &mut File| {
        if let Some(longer) = content.get(old.len()..) {
            file.write_all(longer)?;
            file.sync_all()?;
        }
        write_whole(file, content)
    };
    write(&mut file).inspect_err(|_| {
        // The first error is the one to report.
        let _ = file.set_len(old.len() as u64).and_then(|()| write_whole(&mut file, &old));
    })
}

fn write_whole(file: &mut File, content: &[u8]) -> io::Result<()> {
    file.rewind()?;
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

/// Whether a path leads to an open file without a link in between.
pub(crate) fn is_same_file(path: &Path, file: &File) -> io::Result<bool> {
    let (named, opened) = (fs::symlink_metadata(path)?, file.metadata()?);
    #[cfg(unix)]
    let is_same = {
        use std::os::unix::fs::MetadataExt as _;
        (named.dev(), named.ino()) == (opened.dev(), opened.ino())
    };
    #[cfg(not(unix))]
    let is_same = named.file_type() == opened.file_type();
    Ok(is_same && named.is_file())
}

/// Sets the mode of a file that is kept. Where that is refused, the file is the only one there is.
fn set_mode(path: &Path, file: &File, mode: u32) {
    #[cfg(unix)]
    {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        if let Err(error) = file.set_permissions(permissions) {
            tracing::debug!("{}: cannot set mode {mode:o}: {error}", path.display());
            if mode == OWNER_ONLY {
                warn_if_shared(path);
            }
        }
    }
    #[cfg(not(unix))]
    let _ = (path, file, mode);
}

/// Warns if users other than the owner have access to a file. Nothing is changed: the owner may have a reason.
pub(crate) fn warn_if_shared(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o077 != 0 {
            tracing::warn!("{}: file is accessible by other users (mode {:o})", path.display(), mode & 0o777);
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Removes the replacements of a file that killed processes have left behind. The caller must be the only one that writes the file.
pub(crate) fn remove_leftovers(target: &Path) {
    let start = temporary_start(target);
    let is_leftover = |name: &str| {
        let digits = name.strip_prefix(&start).and_then(|rest| rest.strip_suffix(TEMPORARY_END));
        digits.is_some_and(|digits| digits.len() == RANDOM_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    // Without access to the folder there is nothing to remove.
    for entry in fs::read_dir(folder_of(target)).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(is_leftover) {
            let removed = fs::remove_file(entry.path());
            tracing::debug!("{}: left behind by a killed process, removed: {removed:?}", entry.path().display());
        }
    }
}

/// The end of the name of a temporary file.
const TEMPORARY_END: &str = ".tmp";

/// Returns the name of a temporary file for a target. Other users cannot guess it.
fn temporary_name(target: &Path) -> io::Result<String> {
    Ok(format!("{}{}{TEMPORARY_END}", temporary_start(target), random_digits()?))
}

/// Returns the part of such names that all of a target have. The target's own name may be too long to be a part of another.
fn temporary_start(target: &Path) -> String {
    let name = digest(&SHA256, target.file_name().unwrap_or_default().as_encoded_bytes());
    let digits = name.as_ref().iter().take(8).fold(0_u64, |digits, byte| digits << 8 | u64::from(*byte));
    format!(".wfi-emulator-{digits:016x}-")
}

/// The length of [`random_digits`].
const RANDOM_DIGITS: usize = 32;

/// Returns a part of a name that other users cannot guess.
pub(crate) fn random_digits() -> io::Result<String> {
    let mut random = [0; 16];
    SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("no random bytes from the system"))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}

/// Makes a rename last. It has happened either way, and not every file system can sync a folder, so an error is ignored.
fn sync_folder(path: &Path) {
    #[cfg(unix)]
    {
        let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::test_folder::TestFolder;

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
    }

    #[test]
    fn a_file_is_created_and_replaced_as_a_whole() {
        let folder = TestFolder::new("private-replace");
        let path = folder.0.join("state.json");
        for content in ["first and longer", "second"] {
            replace(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        check_writable(&path).unwrap();
        create_if_absent(&path, b"third").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(create_new(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(folder.names(), ["state.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_way_is_not_followed() {
        let folder = TestFolder::new("private-link");
        let (victim, link) = (folder.0.join("victim"), folder.0.join("link"));
        fs::write(&victim, "precious").unwrap();
        let plant = || {
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(&victim, &link).unwrap();
        };
        plant();
        assert_eq!(create_new(&link).unwrap_err().kind(), ErrorKind::AlreadyExists);
        create_if_absent(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(overwrite(&link, b"new", OWNER_ONLY).unwrap_err().to_string(), "a link is in the way");
        replace(&link, b"new").unwrap();
        assert!(!link.is_symlink());
        assert_eq!((fs::read_to_string(&link).unwrap(), fs::read_to_string(&victim).unwrap()), ("new".into(), "precious".into()));
        // A link that the user has named is resolved first.
        plant();
        replace(&resolve_link(&link), b"wanted").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&victim).unwrap(), "wanted");
        fs::remove_file(&victim).unwrap();
        assert_eq!(resolve_link(&link), victim);
    }

    #[cfg(unix)]
    #[test]
    fn a_foreign_mode_does_not_last() {
        let folder = TestFolder::new("private-mode");
        let path = folder.0.join("state.json");
        let open = |mode| fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        fs::write(&path, "old").unwrap();
        open(0o666);
        replace(&path, b"new").unwrap();
        assert_eq!(mode(&path), 0o600);
        open(0o644);
        overwrite(&path, b"newer", OWNER_ONLY).unwrap();
        assert_eq!((mode(&path), fs::read_to_string(&path).unwrap()), (0o600, "newer".into()));
        overwrite(&path, b"public", READABLE).unwrap();
        assert_eq!(mode(&path), 0o644, "what everybody may read stays so when it is overwritten in place");
        replace_readable(&path, b"public").unwrap();
        assert_eq!(mode(&path) & 0o600, 0o600);
        assert_eq!(mode(&folder.0.join("state.json")) & 0o022, 0);
    }

    #[test]
    fn a_failure_leaves_the_old_file() {
        let folder = TestFolder::new("private-failure");
        let path = folder.0.join("state.json");
        fs::write(&path, "old").unwrap();
        let mut replacement = Replacement::new(&path).unwrap();
        replacement.write_all(b"half of the n").unwrap();
        drop(replacement);
        assert_eq!((fs::read_to_string(&path).unwrap(), folder.names()), ("old".into(), vec!["state.json".to_owned()]));
        // A rename onto a folder fails after everything else has worked.
        let taken = folder.0.join("taken");
        fs::create_dir(&taken).unwrap();
        replace(&taken, b"new").unwrap_err();
        assert!(replace(&folder.0.join("missing/state.json"), b"new").is_err());
        assert_eq!(folder.names(), ["state.json", "taken"]);
    }

    #[test]
    fn leftovers_of_a_file_are_removed_and_nothing_else() {
        let folder = TestFolder::new("private-leftovers");
        let [path, other] = ["state.json", "other.json"].map(|name| folder.0.join(name));
        fs::write(&path, "old").unwrap();
        // As if their processes were killed.
        for target in [&path, &path, &other] {
            std::mem::forget(Replacement::new(target).unwrap());
        }
        let own = format!("{}notes.tmp", temporary_start(&path));
        fs::write(folder.0.join(&own), "").unwrap();
        remove_leftovers(&path);
        let mut names = folder.names();
        names.retain(|name| !name.starts_with(&temporary_start(&other)));
        assert_eq!((names, folder.names().len()), (vec![own, "state.json".to_owned()], 3));
        remove_leftovers(&other);
        assert_eq!(folder.names().len(), 2);
        remove_leftovers(&folder.0.join("missing/state.json"));
    }

    #[test]
    fn an_overwritten_file_has_the_new_content_and_nothing_more() {
        let folder = TestFolder::new("private-overwrite");
        let path = folder.0.join("state.json");
        fs::write(&path, "a long old content").unwrap();
        overwrite(&path, b"short", OWNER_ONLY).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
    }
}
