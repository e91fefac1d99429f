//! Threads under a checker, and what they work on.

use std::sync::{Arc, LazyLock};

use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

use crate::edm::schema::{Schema, SetId};
use crate::edm::value::{Complex, Entity, Value};
use crate::world::store::{StoreFull, StoredEntity};

/// Runs a function under some hundred interleavings: random ones, and such as need few changes of threads at the right places.
pub(crate) fn in_many_interleavings(run: impl Fn() + Send + Sync + 'static) {
    let wanted = std::env::var("WFI_EMULATOR_INTERLEAVINGS").ok();
    let count = wanted.map_or(600, |count| count.parse().expect("WFI_EMULATOR_INTERLEAVINGS is a number"));
    let run = Arc::new(run);
    let config = || {
        let mut config = Config::new();
        config.stack_size = 512 * 1024;
        // The orders of atomics are for loom.
        config.silence_warnings = true;
        config
    };
    let again = run.clone();
    Runner::new(RandomScheduler::new_from_seed(15, count / 2), config()).run(move || again());
    Runner::new(PctScheduler::new_from_seed(15, 4, count / 2), config()).run(move || run());
}

/// Runs a function for each number, each on a thread of its own, until all have ended.
pub(crate) fn on_threads(count: usize, run: impl Fn(usize) + Send + Sync + 'static) {
    let run = Arc::new(run);
    let threads: Vec<_> = (0..count)
        .map(|number| {
            let run = run.clone();
            shuttle::thread::spawn(move || run(number))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
}

/// Returns a number below another one.
pub(crate) fn any(bound: usize) -> usize {
    thread_rng().gen_range(0..bound)
}

/// Two root sets, of which one has entities with others within them.
pub(crate) static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| schema(""));

/// The same with a third root set.
pub(crate) static LARGER: LazyLock<Arc<Schema>> = LazyLock::new(|| schema(r#"<EntitySet Name="drives" EntityType="n.member"/>"#));

fn schema(more: &str) -> Arc<Schema> {
    let document = r#"<Schema Namespace="n">
        <EntityType Name="team"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String"/>
            <NavigationProperty Name="members" Type="Collection(n.member)" ContainsTarget="true"/></EntityType>
        <EntityType Name="member"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String"/></EntityType>
        <EntityContainer Name="c"><EntitySet Name="teams" EntityType="n.team"/><EntitySet Name="users" EntityType="n.member"/>MORE</EntityContainer>
        </Schema>"#;
    let document = document.replace("MORE", more);
    Arc::new(Schema::read(&document, &document, &[]).expect("the schema is valid"))
}

pub(crate) fn set(name: &str) -> SetId {
    SCHEMA.set_named(name).expect("the schema has the set")
}

/// Returns an entity with a version.
pub(crate) fn entity(key: &str, version: usize) -> Arc<StoredEntity> {
    Arc::new(plain(key, version).into())
}

pub(crate) fn plain(key: &str, version: usize) -> Entity {
    let mut values = Complex::default();
    let member = SCHEMA.widest().structured(SCHEMA.set(set("users")).target);
    values.set(member.slot("id").expect("it has the property"), Value::Integer(i64::try_from(version).expect("it is small")));
    Entity::new(key.into(), values)
}

pub(crate) fn version(entity: &StoredEntity) -> usize {
    (0..1_000).find(|version| plain(&entity.key, *version).properties == entity.properties).expect("it has a version")
}

/// The reason why a test's change was refused.
#[derive(Debug)]
pub(crate) struct Full;

impl From<StoreFull> for Full {
    fn from(_: StoreFull) -> Full {
        Full
    }
}
