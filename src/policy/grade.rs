//! Grades of evidence.

/// The strength of the public evidence for a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// A machine-readable schema, recorded traffic, or independent sources that agree.
    Strong,
    /// One good source, or a close sibling of the resource.
    Medium,
    /// Inference, or library code alone.
    Weak,
    /// A guess, without public evidence.
    None,
}

impl Grade {
    /// Returns the name of the grade, as tables print it.
    pub fn name(self) -> &'static str {
        match self {
            Grade::Strong => "strong",
            Grade::Medium => "medium",
            Grade::Weak => "weak",
            Grade::None => "none",
        }
    }
}
