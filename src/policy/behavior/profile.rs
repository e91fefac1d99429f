//! Profiles: consistent sets of choices.

/// A named set of values for all behaviors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// The current reference pages, lenient where they are silent.
    #[default]
    Documented,
    /// Recorded traffic and shipped clients of the same family of services.
    Observed,
    /// The exchange printed on the early draft of the reference page.
    ReferencePage,
}

impl Profile {
    /// All profiles, the default first.
    pub const ALL: [Profile; 3] = [Profile::Documented, Profile::Observed, Profile::ReferencePage];

    /// Returns the name of the profile, as `--profile` accepts it.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Documented => "documented",
            Profile::Observed => "observed",
            Profile::ReferencePage => "reference-page",
        }
    }

    /// Returns the profile with this name.
    pub fn from_name(name: &str) -> Option<Profile> {
        Profile::ALL.into_iter().find(|profile| profile.name() == name)
    }
}
