//! Texts and complex values that repeat among entities, kept once.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::edm::value::{Complex, Value};

/// The number of texts that are remembered, one for each remainder of a hash, and that of complex values. What is forgotten for new ones is
/// still in the caches of the processor.
const PLACES: usize = 1024;

/// The number at first. A pool for a few entities takes little memory.
const FIRST_PLACES: usize = 64;

/// The length of the longest text that is compared, in bytes. Longer ones rarely repeat.
const LONGEST: usize = 128;

/// The texts and complex values that were last seen. It remembers a fixed number of them: reading many entities takes no more memory than
/// reading a few.
pub(crate) struct ValuePool {
    texts: Vec<Option<Arc<str>>>,
    /// The texts that were remembered since there are this many places.
    added: usize,
    /// With their hashes: equal values with other hashes, such as zero with and without a sign, are not the same.
    complex: Vec<Option<(u64, Arc<Complex>)>>,
    /// The same in every run: a client that chooses texts of one place only takes more memory for them.
    hashes: FixedState,
}

impl ValuePool {
    pub(crate) fn new() -> ValuePool {
        let (texts, complex) = (vec![None; FIRST_PLACES], vec![None; FIRST_PLACES]);
        ValuePool { texts, added: 0, complex, hashes: FixedState::default() }
    }

    /// Puts the values of an instance into as little memory as they need: what was seen before is shared with what has it already, and lists
    /// have no room to grow.
    pub(crate) fn compact(&mut self, instance: &mut Complex) {
        instance.compact(|value| self.compact_value(value));
        for member in &mut instance.dynamic {
            self.share(&mut member.name);
            self.share(&mut member.json);
            if let Some(name) = &mut member.type_name {
                self.share(name);
            }
        }
    }

    fn compact_value(&mut self, value: &mut Value) {
        match value {
            Value::String(text) | Value::Decimal(text) | Value::EnumText(text) | Value::Json(text) => self.share(text),
            Value::Complex(inner) => {
                // A value that others hold already stays as it is.
                if let Some(own) = Arc::get_mut(inner) {
                    self.compact(own);
                    self.share_complex(inner);
                }
            }
            Value::Collection(items) => {
                let items = Arc::get_mut(items).into_iter().flatten();
                items.for_each(|item| self.compact_value(item));
            }
            Value::Null
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::DateTimeOffset(_)
            | Value::Enum(_)
            | Value::Link(_)
            | Value::Media(_) => {}
        }
    }

    /// Replaces a text by an equal one that was seen before, or remembers it.
    fn share(&mut self, text: &mut Arc<str>) {
        if text.len() > LONGEST {
            return;
        }
        let place = place_of(self.hashes.hash_one(&**text), self.texts.len());
        match &mut self.texts[place] {
            Some(known) if known == text => text.clone_from(known),
            other => {
                *other = Some(text.clone());
                self.added += 1;
            }
        }
        if self.added > self.texts.len() && self.texts.len() < PLACES {
            self.grow();
        }
    }

    /// Makes four times the places. What is in them is forgotten.
    fn grow(&mut self) {
        let places = 4 * self.texts.len();
        (self.texts, self.complex, self.added) = (vec![None; places], vec![None; places], 0);
    }

    /// Replaces a complex value by an equal one that was seen before, or remembers it. Its texts are shared already.
    fn share_complex(&mut self, value: &mut Arc<Complex>) {
        let mut hasher = self.hashes.build_hasher();
        add_complex(value, &mut hasher);
        let hash = hasher.finish();
        let place = place_of(hash, self.complex.len());
        match &mut self.complex[place] {
            Some((known_hash, known)) if *known_hash == hash && known == value => value.clone_from(known),
            other => *other = Some((hash, value.clone())),
        }
    }
}

/// Returns the place of a hash among many.
fn place_of(hash: u64, places: usize) -> usize {
    usize::try_from(hash % places as u64).unwrap_or_default()
}

/// Adds a complex value to a hash. Of equal values with texts or values that are not shared, the hashes differ.
fn add_complex(complex: &Complex, hasher: &mut impl Hasher) {
    complex.values().for_each(|(slot, value)| {
        slot.hash(hasher);
        add_value(value, hasher);
    });
    for member in &complex.dynamic {
        Arc::as_ptr(&member.name).hash(hasher);
        Arc::as_ptr(&member.json).hash(hasher);
    }
}

fn add_value(value: &Value, hasher: &mut impl Hasher) {
    match value {
        Value::Boolean(value) => value.hash(hasher),
        Value::Integer(number) | Value::Enum(number) => number.hash(hasher),
        Value::Float(number) => number.to_bits().hash(hasher),
        Value::DateTimeOffset(time) => time.ticks().hash(hasher),
        Value::String(text) | Value::Decimal(text) | Value::EnumText(text) | Value::Json(text) => Arc::as_ptr(text).hash(hasher),
        Value::Complex(inner) => Arc::as_ptr(inner).hash(hasher),
        Value::Collection(items) => items.iter().for_each(|item| add_value(item, hasher)),
        Value::Null | Value::Link(_) | Value::Media(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edm::schema::Slot;
    use crate::edm::value::Dynamic;

    fn instance(text: &str) -> Complex {
        let inner = Complex::with(Value::String(text.into()));
        let mut instance = Complex::with(Value::Complex(Arc::new(inner)));
        instance.set(Slot::at(1), Value::Collection(vec![Value::String(text.into()), Value::Integer(7)].into()));
        instance.set(Slot::at(2), Value::Json(text.into()));
        instance.dynamic.push(Dynamic { type_name: Some("t".into()), ..Dynamic::new("n", text) });
        instance
    }

    /// Returns the texts in an instance.
    fn texts(instance: &Complex) -> Vec<Arc<str>> {
        let mut found = Vec::new();
        let Value::Complex(inner) = instance.get(Slot::at(0)) else { panic!("not complex") };
        let Value::Collection(items) = instance.get(Slot::at(1)) else { panic!("not a collection") };
        for value in [inner.get(Slot::at(0)), &items[0], instance.get(Slot::at(2))] {
            let (Value::String(text) | Value::Json(text)) = value else { panic!("not a text") };
            found.push(text.clone());
        }
        let member = &instance.dynamic[0];
        found.extend([member.json.clone(), member.name.clone()]);
        found.extend(member.type_name.clone());
        found
    }

    #[test]
    fn equal_texts_are_kept_once_and_values_stay_as_they_are() {
        let mut pool = ValuePool::new();
        let mut all = [instance("same"), instance("same"), instance("other")];
        for instance in &mut all {
            pool.compact(instance);
        }
        assert_eq!(all, [instance("same"), instance("same"), instance("other")]);
        let [one, two, other] = all.each_ref().map(texts);
        assert!(one.iter().zip(&two).all(|(one, two)| Arc::ptr_eq(one, two)));
        assert!(one[..4].iter().all(|text| Arc::ptr_eq(text, &one[0])));
        assert!(!Arc::ptr_eq(&one[0], &other[0]) && Arc::ptr_eq(&one[4], &other[4]));
    }

    #[test]
    fn equal_complex_values_are_kept_once() {
        let mut pool = ValuePool::new();
        let with = |values: &[Value]| {
            let mut inner = Complex::default();
            for (number, value) in (0..).zip(values) {
                inner.set(Slot::at(number), value.clone());
            }
            Complex::with(Value::Complex(Arc::new(inner)))
        };
        let values = |text: &str, number: i64| [Value::String(text.into()), Value::Integer(number), Value::Boolean(true)];
        let mut all = [with(&values("a", 1)), with(&values("a", 1)), with(&values("a", 2)), with(&values("b", 1))];
        let before = [with(&values("a", 1)), with(&values("a", 1)), with(&values("a", 2)), with(&values("b", 1))];
        for instance in &mut all {
            pool.compact(instance);
        }
        assert_eq!(all, before);
        let inner = |index: usize| match all[index].get(Slot::at(0)) {
            Value::Complex(inner) => inner,
            _ => panic!("not complex"),
        };
        assert_eq!([1, 2, 3].map(|other| Arc::ptr_eq(inner(0), inner(other))), [true, false, false]);
        // Equal values of other kinds stay what they are.
        let mut kinds = [with(&[Value::Integer(1)]), with(&[Value::Enum(1)])];
        for instance in &mut kinds {
            pool.compact(instance);
        }
        assert_eq!(kinds, [with(&[Value::Integer(1)]), with(&[Value::Enum(1)])]);
    }

    #[test]
    fn long_texts_and_values_that_others_hold_stay_apart() {
        let mut pool = ValuePool::new();
        let long = "x".repeat(LONGEST + 1);
        let mut all = [instance(&long), instance(&long)];
        for instance in &mut all {
            pool.compact(instance);
        }
        assert!(!Arc::ptr_eq(&texts(&all[0])[0], &texts(&all[1])[0]));
        let shared = Arc::new(Complex::with(Value::String("same".into())));
        let mut holder = Complex::with(Value::Complex(shared.clone()));
        pool.compact(&mut holder);
        assert_eq!(holder, Complex::with(Value::Complex(shared)));
    }

    #[test]
    fn many_texts_take_no_more_places() {
        let mut pool = ValuePool::new();
        for number in 0..3 * PLACES {
            pool.compact(&mut Complex::with(Value::String(format!("{number}").into())));
        }
        assert_eq!(pool.texts.len(), PLACES);
        let mut late = [instance("late"), instance("late")];
        for instance in &mut late {
            pool.compact(instance);
        }
        assert!(Arc::ptr_eq(&texts(&late[0])[0], &texts(&late[1])[0]));
    }
}
