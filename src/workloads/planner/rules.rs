//! Rules of Planner that CSDL cannot express.

use crate::edm::schema::{
    Capabilities, Conflict, DEFAULT_CAPABILITIES, DEFAULT_WORDING, IdForm, PropertyRule, ServerSetValue, TagForm, TagRules,
    TypeRules, UpdateAnswer, Wording, WorkloadRules,
};
use crate::policy::behavior::PlannerConflict;
use crate::policy::refusal;

pub(super) static RULES: WorkloadRules = WorkloadRules {
    types: &[
        TypeRules { name: "plannerPlan", capabilities: &ITEM, wording: &WORDING, is_consulted: false },
        TypeRules { name: "plannerBucket", capabilities: &ITEM, wording: &WORDING, is_consulted: false },
        TypeRules { name: "plannerTask", capabilities: &ITEM, wording: &WORDING, is_consulted: false },
        part("plannerPlanDetails"),
        part("plannerTaskDetails"),
        part("plannerAssignedToTaskBoardTaskFormat"),
        part("plannerBucketTaskBoardTaskFormat"),
        part("plannerProgressTaskBoardTaskFormat"),
    ],
    // The answers on learn.microsoft.com/graph/api/planner-post-plans and planner-post-tasks (medium).
    properties: &[
        ("plannerPlan", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("plannerPlan", "createdBy", PropertyRule::ServerSet(ServerSetValue::CreatedBy)),
        ("plannerTask", "createdDateTime", PropertyRule::ServerSet(ServerSetValue::CreatedAt)),
        ("plannerTask", "createdBy", PropertyRule::ServerSet(ServerSetValue::CreatedBy)),
    ],
    tags: &[
        ("plannerPlan", &PLAN_TAG),
        ("plannerBucket", &BUCKET_TAG),
        ("plannerTask", &TASK_TAG),
        ("plannerPlanDetails", &PLAN_DETAILS_TAG),
        ("plannerTaskDetails", &TASK_DETAILS_TAG),
        ("plannerAssignedToTaskBoardTaskFormat", &ASSIGNED_TO_TAG),
        ("plannerBucketTaskBoardTaskFormat", &BUCKET_FORMAT_TAG),
        ("plannerProgressTaskBoardTaskFormat", &PROGRESS_TAG),
    ],
    ..WorkloadRules::NONE
};

/// Types of the entities that each plan or task has.
pub(super) const PARTS: &[&str] = &[
    "plannerPlanDetails",
    "plannerTaskDetails",
    "plannerAssignedToTaskBoardTaskFormat",
    "plannerBucketTaskBoardTaskFormat",
    "plannerProgressTaskBoardTaskFormat",
];

// Names as in the answers on learn.microsoft.com/graph/api; those of the formats are a guess.
static PLAN_TAG: TagRules = tag("Plan  ");
static BUCKET_TAG: TagRules = tag("Bucket");
static TASK_TAG: TagRules = tag("Task  ");
static PLAN_DETAILS_TAG: TagRules = tag("PlanDetails ");
static TASK_DETAILS_TAG: TagRules = tag("TaskDetails ");
static ASSIGNED_TO_TAG: TagRules = tag("AssignedToTaskBoardFormat ");
static BUCKET_FORMAT_TAG: TagRules = tag("BucketTaskBoardFormat ");
static PROGRESS_TAG: TagRules = tag("ProgressTaskBoardFormat ");

/// All changes but a POST require `If-Match` (learn.microsoft.com/graph/api/resources/planner-overview; pnp/pnpjs#1033).
const fn tag(name: &'static str) -> TagRules {
    TagRules {
        form: TagForm::Counter(name),
        needs_select: false,
        has_header: false,
        absent: Some(&refusal::IF_MATCH_REQUIRED),
        malformed: Some(&refusal::INVALID_IF_MATCH),
        stale: &refusal::STALE_PLANNER_ITEM,
        conflict: Some(&CONFLICT),
        ignores_empty: false,
    }
}

static CONFLICT: Conflict = Conflict {
    behavior: "planner-conflict",
    is_chosen: |behaviors| behaviors.planner_conflict == PlannerConflict::Conflict,
    refusal: &refusal::CONFLICTING_PLANNER_ITEM,
};

/// A successful PATCH is answered with 204, with `Prefer: return=representation` with the entity
/// (learn.microsoft.com/graph/api/plannertask-update, medium).
static ITEM: Capabilities = Capabilities { answer: UpdateAnswer::NoContent, ..DEFAULT_CAPABILITIES };

/// Details and formats come and go with their plan or task (medium: no page creates or deletes them).
static PART: Capabilities =
    Capabilities { creates: false, deletes: false, answer: UpdateAnswer::NoContent, ..DEFAULT_CAPABILITIES };

const fn part(name: &'static str) -> TypeRules {
    TypeRules { name, capabilities: &PART, wording: &WORDING, is_consulted: false }
}

/// The form of ids is that on learn.microsoft.com/graph/api/planner-post-plans (medium).
static WORDING: Wording = Wording {
    id: IdForm::Base64 { prefix: "", bytes: 21 },
    noun: "item",
    unknown_entity: &refusal::UNKNOWN_PLANNER_ITEM,
    unknown_ancestor: &refusal::UNKNOWN_PLANNER_ITEM,
    ..DEFAULT_WORDING
};
