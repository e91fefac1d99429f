//! Calls of actions and functions: arguments, then the workload's implementation, or an answer as declared.

use std::cell::RefCell;
use std::sync::Arc;

use http::header::IF_MATCH;
use http::{Method, StatusCode};

use crate::edm::address::EntityAddress;
use crate::edm::primitive::Primitive;
use crate::edm::schema::{
    ItemType, Model, Operation, OperationType, Property, PropertyType, Restrictions, StructuredType, TypeId,
};
use crate::edm::value::{Complex, Entity, Value};
use crate::graph::body::{BodyHeaders, BodyUse};
use crate::graph::context::{OperationContext, blank_single};
use crate::graph::meta::ResponseMeta;
use crate::graph::method::wrong_method;
use crate::graph::ops::change::{next_key, read_body_of, read_rules, server_set_values};
use crate::graph::ops::condition::{Precondition, Unchanged};
use crate::graph::ops::{Outcome, create, delta, folders, result, unique, upload};
use crate::graph::request::Request;
use crate::graph::route::{OperationCall, Route, unknown_segment};
use crate::graph::success::Success;
use crate::graph::{body, negotiate, statuses, ticket};
use crate::odata::arguments::{self, LiteralProblem};
use crate::odata::error::Error;
use crate::odata::query::QueryTarget;
use crate::odata::read::{self, Argument, Origin};
use crate::policy::behavior::{BoundResults, FunctionByPost, Operations, Secret};
use crate::policy::refusal;
use crate::text::form;
use crate::text::json::Json;
use crate::world::World;
use crate::world::store::StoredEntity;
use crate::world::workload::{OperationReply, OperationRequest, Reply};

/// Checks the method of a call.
///
/// # Errors
///
/// Fails if the operation, or what lies behind its result, does not have the method.
pub(super) fn check_method(world: &World, route: &Route<'_>, method: &Method) -> Result<(), Error> {
    route.operation.as_deref().map_or(Ok(()), |call| check_call(world, call, method))
}

fn check_call(world: &World, call: &OperationCall<'_>, method: &Method) -> Result<(), Error> {
    // The result of a function can be changed, as pages of workbooks print it.
    let has_members = matches!(call.result, Some(OperationType::Entity(_) | OperationType::Value(PropertyType::Complex(_))));
    let is_posted = match call.last() {
        Some(_) => world.behaviors.function_by_post == FunctionByPost::Take,
        None => !call.is_counted && matches!(call.result, Some(OperationType::Entities(_))),
    };
    let allowed: &[Method] = match (call.last().is_some_and(|operation| operation.is_action), is_posted) {
        (true, _) => &[Method::POST],
        (false, true) if has_members => &[Method::GET, Method::POST, Method::PATCH],
        (false, true) => &[Method::GET, Method::POST],
        (false, false) if has_members => &[Method::GET, Method::PATCH],
        (false, false) => &[Method::GET],
    };
    if allowed.contains(method) {
        return Ok(());
    }
    let error = wrong_method(world, method, allowed);
    let is_function = *method == Method::POST && !call.operation.is_action && !call.is_followed;
    Err(if is_function { error.decided_by("function-by-post") } else { error })
}

/// Answers a call.
pub(super) fn call(context: &OperationContext<'_>, reply: Option<&Reply>, skipped: &mut Vec<String>) -> Result<Outcome, Error> {
    let call = context.route.operation.as_deref().ok_or_else(|| Error::new(&refusal::INTERNAL, &[]))?;
    let (model, route) = (context.model, context.route);
    let overload = overload(context, call, |name, names| model.bound_operation(name, route.type_id, route.key.is_none(), names));
    let call = overload.as_ref().unwrap_or(call);
    let mut decided = Vec::new();
    let arguments = read_arguments(context, call.operation, &call.arguments, !call.is_followed, skipped, &mut decided)?;
    read_further(context, call, skipped, &mut decided)?;
    let outcome = answer_call(context, call, &arguments, reply, skipped)?;
    Ok(outcome.with_decided(&decided))
}

/// Answers a call with these arguments.
fn answer_call(
    context: &OperationContext<'_>,
    call: &OperationCall<'_>,
    arguments: &[Argument],
    reply: Option<&Reply>,
    skipped: &mut Vec<String>,
) -> Result<Outcome, Error> {
    let operation = call.operation;
    if upload::is_session(context, call) {
        return upload::begin(context, call, arguments);
    }
    context.check_way()?;
    let entity = context.route.key.as_deref().map(|key| context.bound_entity(key)).transpose()?;
    // An action requires no condition, also where a change does.
    let has_condition = operation.is_action && context.request.headers.contains_key(IF_MATCH);
    let conditioned = entity.as_deref().filter(|_| has_condition);
    let precondition = conditioned.map(|entity| Precondition::of(context, &entity.key, &mut Vec::new())).transpose()?;
    let check_condition = |entity: &Entity| {
        precondition.as_ref().map_or(Ok(()), |precondition| precondition.check(entity).map_err(Unchanged::to_error))
    };
    if let Some(entity) = &entity {
        check_condition(entity)?;
    }
    check_missing(operation, arguments)?;
    if delta::is_delta(context, call) {
        return delta::delta(context).map(Outcome::from);
    }
    if let Some(key) = context.route.key.as_deref().filter(|_| delta::is_delta_of_item(context, call)) {
        let token = operation.parameter("token").and_then(|index| match &arguments[index] {
            Argument::Value(Value::String(token)) => Some(&**token),
            _ => None,
        });
        return delta::delta_of_item(context, key, token).map(Outcome::from);
    }
    let bound = operation.binding.map_or("", |(id, _)| &*context.model.structured(id).full_name);
    let bound = bound.strip_prefix("microsoft.graph.").unwrap_or_default();
    let full_name = operation.binding.map_or("", |(id, _)| &*context.model.structured(id).full_name);
    if let Some(download) =
        statuses::download(context.world, full_name, &operation.name).filter(|_| !call.is_followed && !has_format(context))
    {
        let path = ticket::download_path(context.world, context.now, download);
        let location = Some(context.own_address(&path).into_bytes());
        return Ok(Success { status: StatusCode::FOUND, location, is_content: true, ..Success::no_content() }.into());
    }
    let rows = context.world.workloads.iter().flat_map(|workload| workload.operations()).flat_map(|rows| rows.iter());
    let handler = rows
        .into_iter()
        .find(|(name, type_name, _)| *type_name == bound && operation.name.eq_ignore_ascii_case(name))
        .map(|(_, _, handler)| *handler);
    let Some(handler) = handler.filter(|_| !call.is_followed) else {
        let bound = entity.as_ref().filter(|_| is_answered_with_bound(context, call));
        let bound = bound.map(|entity| EntityAddress { collection: context.route.collection.clone(), key: entity.key.clone() });
        if let (Some(address), Some(OperationType::Entity(id))) = (bound, operation.returns) {
            return with_bound(context, operation, id, &address).map(|success| Outcome::Declared(Box::new(success)));
        }
        return declared(context, call, arguments, |context, id, origin| changed(context, id, origin, skipped));
    };
    check_options(context, operation)?;
    let create = |collection: &_, patch: &_| create::create_within(context, collection, patch);
    let create_as = |place: &_, key, patch: &_| create::create_keyed_within(context, place, key, patch);
    let check_unique = |place: &_, structured: &_, values: &_| unique::check(context, structured, place, values, None);
    let decided = RefCell::default();
    let server_set = |structured: &StructuredType| server_set_values(context, structured, false, &mut Vec::new());
    let request = OperationRequest {
        world: context.world,
        model: context.model,
        operation,
        collection: &context.route.collection,
        entity: entity.as_ref(),
        arguments,
        query: context.request.target.query(),
        headers: &context.request.headers,
        now: context.now,
        reply,
        decided: &decided,
        purse: context.purse,
        create: &create,
        create_as: &create_as,
        server_set: &server_set,
        check_condition: &check_condition,
        check_unique: &check_unique,
    };
    let reply = match handler(&request)? {
        OperationReply::Consult(consultation) => return Ok(Outcome::Consult(consultation)),
        reply => reply,
    };
    let status = statuses::of_operation(context.world, context.model, operation);
    let mut success = answer(context, operation, status, reply)?;
    success.decided.append(&mut decided.into_inner());
    Ok(success.into())
}

/// Whether a request names the format of the answer, so that it does not lead to a file (learn.microsoft.com/graph/api/reportroot-getm365appuserdetail).
fn has_format(context: &OperationContext<'_>) -> bool {
    form::fields(context.request.target.query().unwrap_or_default()).any(|(name, _)| name.eq_ignore_ascii_case("$format"))
}

/// Checks the query options for a result, before anything happens.
fn check_options(context: &OperationContext<'_>, operation: &Operation) -> Result<(), Error> {
    let (id, target) = match operation.returns {
        Some(OperationType::Entity(id)) => (id, QueryTarget::Entity),
        Some(OperationType::Entities(id)) => (id, QueryTarget::Collection),
        Some(OperationType::Value(_)) | None => return Ok(()),
    };
    context.query_within(context.model.structured(id), target, Restrictions::NONE).map(drop)
}

/// Returns the answer with the result of an implementation.
fn answer(
    context: &OperationContext<'_>,
    operation: &Operation,
    status: StatusCode,
    reply: OperationReply,
) -> Result<Success, Error> {
    match (reply, operation.returns) {
        // The page of an operation with a result can have 204.
        (OperationReply::Entity(_) | OperationReply::Typed(_) | OperationReply::Entities(_), _)
            if status == StatusCode::NO_CONTENT =>
        {
            Ok(Success::no_content())
        }
        (OperationReply::Started { made, items, bytes }, _) => {
            folders::account(context, &made.collection, items, bytes);
            Ok(monitored(context, &ticket::monitor_path(context.world, context.now, &made)))
        }
        (OperationReply::Finished(item), _) => Ok(monitored(context, &ticket::work_path(context.world, context.now, &item))),
        (OperationReply::AcceptedAt(address, value), returns) => {
            let path = format!("/{}/{}", context.version().segment(), address.text(&context.world.schema));
            let success = match (value, returns) {
                (Some(value), Some(OperationType::Value(kind))) => result::value(context, status, kind, &value, Secret::Echo),
                _ => Success { status, ..Success::no_content() },
            };
            Ok(Success { location: Some(context.absolute_path(&path).into_bytes()), ..success })
        }
        (OperationReply::Failed(item), _) => Ok(monitored(context, &ticket::failure_path(context.world, context.now, &item))),
        (OperationReply::Accepted(address), _) => {
            Ok(Success { status, location: Some(address.into_bytes()), ..Success::no_content() })
        }
        (OperationReply::Value(value), Some(OperationType::Value(kind))) => {
            Ok(result::value(context, status, kind, &value, context.world.behaviors.secret))
        }
        (OperationReply::Secret(value), Some(OperationType::Value(kind))) => {
            Ok(result::value(context, status, kind, &value, Secret::Echo))
        }
        (OperationReply::Entity(address), Some(OperationType::Entity(id) | OperationType::Entities(id))) => {
            result::entity(context, status, id, &address)
        }
        (OperationReply::Typed(address), Some(OperationType::Entity(id))) => result::typed_entity(context, status, id, &address),
        (OperationReply::Created(address), Some(OperationType::Entity(id) | OperationType::Entities(id))) => {
            result::entity(context, StatusCode::CREATED, id, &address)
        }
        (OperationReply::Entities(addresses), Some(OperationType::Entity(id) | OperationType::Entities(id))) => {
            result::entities(context, status, id, addresses, operation.is_action)
        }
        _ => Ok(Success { status, ..Success::no_content() }),
    }
}

/// Answers with the address that shows the progress of work.
fn monitored(context: &OperationContext<'_>, path: &str) -> Success {
    let location = Some(context.own_address(path).into_bytes());
    Success { status: StatusCode::ACCEPTED, location, is_content: true, ..Success::no_content() }
}

/// Answers the call of an operation that is bound to nothing.
pub(in crate::graph) fn call_unbound(
    world: &World,
    request: &Request,
    meta: &ResponseMeta<'_>,
    model: &Model,
    call: &OperationCall<'_>,
    skipped: &mut Vec<String>,
) -> Result<Outcome, Error> {
    check_call(world, call, &request.method)?;
    let format = negotiate::accepted_format(world, request, meta)?;
    let context = OperationContext::new(world, request, meta, model, &(), format);
    let overload = overload(&context, call, |name, names| model.unbound_operation(name, names));
    let call = overload.as_ref().unwrap_or(call);
    let mut decided = Vec::new();
    let arguments = read_arguments(&context, call.operation, &call.arguments, !call.is_followed, skipped, &mut decided)?;
    read_further(&context, call, skipped, &mut decided)?;
    check_missing(call.operation, &arguments)?;
    let outcome = declared(&context, call, &arguments, |_, id, _| Ok(Complex::initial(model.structured(id))))?;
    Ok(outcome.with_decided(&decided))
}

/// Whether a call is answered with the entity to which the operation is bound: an action with a result of its type, or of a base type.
fn is_answered_with_bound(context: &OperationContext<'_>, call: &OperationCall<'_>) -> bool {
    let operation = call.operation;
    let (Some((bound, false)), Some(OperationType::Entity(returned))) = (operation.binding, operation.returns) else {
        return false;
    };
    let behaviors = &context.world.behaviors;
    let name = &context.model.structured(bound).full_name;
    operation.is_action
        && !call.is_followed
        && context.model.is_a(bound, returned)
        && behaviors.operations == Operations::Declared
        && behaviors.bound_results == BoundResults::Stored
        && !statuses::returns_another(context.world, name, &operation.name)
}

/// Answers with the entity to which an operation is bound. Nothing changes.
fn with_bound(
    context: &OperationContext<'_>,
    operation: &Operation,
    returned: TypeId,
    address: &EntityAddress,
) -> Result<Success, Error> {
    check_options(context, operation)?;
    let status = statuses::of_operation(context.world, context.model, operation);
    let mut success = match status {
        StatusCode::NO_CONTENT => Success::no_content(),
        status if context.world.store.entity(address).is_some() => result::typed_entity(context, status, returned, address)?,
        // A single entity that the service always has, before the first change.
        status => {
            let structured = context.model.structured(returned);
            result::unstored_entity(context, status, structured, &blank_single(structured, &address.key))
        }
    };
    success.decided.extend(["operations", "bound-results"]);
    Ok(success)
}

/// Answers as declared: a result of the declared type, which has the arguments of an action that have the names of its members, and else is
/// empty. Nothing changes. `changed` returns the values of a body that changes what lies
/// behind a result, or adds to it.
fn declared<R>(
    context: &OperationContext<'_, R>,
    call: &OperationCall<'_>,
    arguments: &[Argument],
    mut changed: impl FnMut(&OperationContext<'_, R>, TypeId, Origin) -> Result<Complex, Error>,
) -> Result<Outcome, Error> {
    if context.world.behaviors.operations == Operations::Refuse {
        return Err(unknown_segment(&call.operation.name, std::iter::empty()));
    }
    let is_created = context.request.method == Method::POST && !call.ends_with_call;
    let status = match call.last() {
        Some(operation) => statuses::of_operation(context.world, context.model, operation),
        None if is_created => StatusCode::CREATED,
        None => StatusCode::OK,
    };
    let mut success = match call.result {
        _ if call.is_counted => context.text("text/plain", b"0".to_vec(), Vec::new()),
        None => Success { status, ..Success::no_content() },
        Some(_) if status == StatusCode::NO_CONTENT => Success::no_content(),
        Some(OperationType::Value(kind)) => {
            let mut value = result::blank(context, kind);
            if let (true, PropertyType::Complex(id)) = (context.request.method == Method::PATCH, kind) {
                value = Value::Complex(Arc::new(changed(context, id, Origin::Update)?));
            } else if let (Value::Complex(blank), PropertyType::Complex(id)) = (&value, kind) {
                let mut values = Complex::clone(blank);
                copy_arguments(context.model.structured(id), call, arguments, &mut values);
                value = Value::Complex(Arc::new(values));
            }
            result::value(context, status, kind, &value, context.world.behaviors.secret)
        }
        Some(OperationType::Entity(id)) => {
            let structured = context.model.structured(id);
            let key = next_key(context, structured, 0);
            let blank = if context.request.method == Method::PATCH {
                StoredEntity::new(key, changed(context, id, Origin::Update)?)
            } else {
                let blank = blank_single(structured, &key);
                let mut values = blank.properties.clone();
                copy_arguments(structured, call, arguments, &mut values);
                StoredEntity::of_type(key, values, structured.blank_text)
            };
            result::unstored_entity(context, status, structured, &blank)
        }
        Some(OperationType::Entities(id)) if is_created => {
            let mut values = changed(context, id, Origin::Create)?;
            let structured = context.model.actual(context.model.structured(id), values.own_type);
            let key = next_key(context, structured, 0);
            values.set_key(context.model, structured, &key);
            result::unstored_entity(context, status, context.model.structured(id), &StoredEntity::new(key, values))
        }
        Some(OperationType::Entities(id)) => result::no_entities(context, status, id),
    };
    success.decided.push("operations");
    Ok(Outcome::Declared(Box::new(success)))
}

/// Sets the members of a result that have the names and types of the arguments of an action.
fn copy_arguments(structured: &StructuredType, call: &OperationCall<'_>, arguments: &[Argument], values: &mut Complex) {
    if call.is_followed || !call.operation.is_action {
        return;
    }
    for (parameter, argument) in call.operation.parameters.iter().zip(arguments) {
        let property = structured.property(&parameter.name).map(|index| &structured.properties[index]);
        let is_key = |property: &Property| structured.key_property().is_some_and(|key| key.slot == property.slot);
        if let (Some(property), Argument::Value(value)) = (property, argument)
            && parameter.kind == OperationType::Value(property.kind)
            && !is_key(property)
            && !property.write_only
        {
            values.set(property.slot, value.clone());
        }
    }
}

/// Returns the values of a body that changes what lies behind a result, or adds to it, over those of an empty one.
fn changed(context: &OperationContext<'_>, id: TypeId, origin: Origin, skipped: &mut Vec<String>) -> Result<Complex, Error> {
    let reading = read_body_of(context, id, origin, skipped)?;
    if let Some(problem) = reading.values.first() {
        return Err(problem.to_error());
    }
    let structured = context.model.structured(id);
    Ok(reading.patch.apply(context.model, structured, &Complex::initial(structured)))
}

/// Returns the call of another overload of a function, if its parameters are in the query or in the body, where the path does not have them.
fn overload<'o, R>(
    context: &OperationContext<'_, R>,
    call: &OperationCall<'o>,
    find: impl Fn(&str, &[&str]) -> Option<&'o Operation>,
) -> Option<OperationCall<'o>> {
    if call.is_followed {
        return None;
    }
    // An import of an operation has a name of its own.
    let name = &call.segments[0];
    let name = name.split('(').next().unwrap_or(name);
    other_overload(context, call.operation, name, &call.arguments, find).map(|found| call.of_overload(found))
}

/// Returns another overload of a function, whose parameters are in the query or in the body.
fn other_overload<'o, R>(
    context: &OperationContext<'_, R>,
    operation: &'o Operation,
    name: &str,
    literals: &[(String, String)],
    find: impl Fn(&str, &[&str]) -> Option<&'o Operation>,
) -> Option<&'o Operation> {
    if operation.is_action {
        return None;
    }
    let query = context.request.target.query().unwrap_or_default();
    let of_query = query.split('&').filter_map(|pair| Some(form::decoded(pair.split_once('=')?.0).into_owned()));
    let mut names: Vec<String> = of_query.filter(|name| !name.starts_with(['$', '@'])).collect();
    if context.request.method == Method::POST
        && let Ok(bytes) = body::bytes(context.request, &context.world.behaviors)
        && let Ok(Json::Object(members)) = body::parse(&bytes)
    {
        names.extend(members.iter().map(|(name, _)| name.to_string()).filter(|name| !name.contains('@')));
    }
    names.extend(literals.iter().map(|(name, _)| name.clone()));
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    // Other options of the query do not count.
    names.retain(|parameter| context.model.has_parameter(name, parameter));
    find(name, &names).filter(|found| !std::ptr::eq(*found, operation))
}

/// Reads the body of a call of an operation behind the result of another one. Arguments in the path are not read: no result depends on them.
fn read_further<R>(
    context: &OperationContext<'_, R>,
    call: &OperationCall<'_>,
    skipped: &mut Vec<String>,
    decided: &mut Vec<&'static str>,
) -> Result<(), Error> {
    let Some(further) = call.further.last().filter(|_| call.ends_with_call) else { return Ok(()) };
    let operation = further.operation;
    let overload = operation.binding.and_then(|(id, many)| {
        let find = |name: &str, names: &[&str]| context.model.bound_operation(name, id, many, names);
        other_overload(context, operation, &operation.name, &further.arguments, find)
    });
    let operation = overload.unwrap_or(operation);
    let arguments = read_arguments(context, operation, &[], true, skipped, decided)?;
    if operation.is_action { check_missing(operation, &arguments) } else { Ok(()) }
}

/// Reads the arguments: from the body of an action, from the address of a function, which has `literals`.
fn read_arguments<R>(
    context: &OperationContext<'_, R>,
    operation: &Operation,
    literals: &[(String, String)],
    has_body: bool,
    skipped: &mut Vec<String>,
    decided: &mut Vec<&'static str>,
) -> Result<Vec<Argument>, Error> {
    if context.request.method == Method::POST && !operation.is_action && has_body {
        decided.push("function-by-post");
    }
    let mut arguments = vec![Argument::Absent; operation.parameters.len()];
    if context.request.method == Method::POST && has_body && !context.request.body.bytes().is_empty() {
        let stated = BodyHeaders::of(&context.request.headers);
        let formed = body::formed(context.world, context.model, context.request, &stated, BodyUse::Call(operation));
        let bytes = match formed {
            Some(bytes) => bytes?.into(),
            None => body::bytes_with(context.request, &stated, &context.world.behaviors)?,
        };
        let json = body::parse(&bytes)?;
        let (read, mut reading) = read::parameters(read_rules(context, &stated, Origin::Create), operation, &json, "$");
        skipped.append(&mut reading.skipped);
        decided.append(&mut reading.decided);
        if let Some(problem) = reading.shape.first().or(reading.values.first()) {
            return Err(problem.to_error());
        }
        arguments = read;
    }
    if operation.is_action {
        return Ok(arguments);
    }
    let query = context.request.target.query().unwrap_or_default();
    let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
    let option = |wanted: &str| {
        pairs()
            .find(|(name, _)| form::decoded(name).eq_ignore_ascii_case(wanted))
            .map(|(_, value)| form::decoded(value).into_owned())
    };
    for (name, literal) in literals {
        let Some(index) = operation.parameter(name) else {
            return Err(Error::new(&refusal::UNKNOWN_PARAMETER, &[name, &operation.name]));
        };
        // An alias has the value of a query option (OData 4.0 Part 2, 5.1.1.13).
        let literal =
            if literal.starts_with('@') { option(literal).unwrap_or_else(|| "null".to_owned()) } else { literal.clone() };
        if arguments[index] != Argument::Absent {
            return Err(Error::new(&refusal::REPEATED_PARAMETER, &[name, &operation.name]));
        }
        arguments[index] = literal_argument(context, operation, index, &literal)?;
    }
    let mut given = Vec::new();
    // Parameters can be query options too (OData 4.01 Part 1, 11.5.4.1), as OneDrive's `delta?token=latest` has it: without quotes.
    for (index, parameter) in operation.parameters.iter().enumerate().filter(|(index, _)| arguments[*index] == Argument::Absent) {
        let Some(literal) = option(&parameter.name) else { continue };
        let is_quoted = literal.starts_with('\'');
        let quoted = format!("'{}'", literal.replace('\'', "''"));
        let is_text = parameter.kind == OperationType::Value(PropertyType::Primitive(Primitive::String));
        let literal = if is_text && !is_quoted { &quoted } else { &literal };
        given.push((index, literal_argument(context, operation, index, literal)?));
    }
    for (index, argument) in given {
        arguments[index] = argument;
    }
    Ok(arguments)
}

/// Reads an argument in an address: a literal, or JSON for values without one.
fn literal_argument<R>(
    context: &OperationContext<'_, R>,
    operation: &Operation,
    index: usize,
    literal: &str,
) -> Result<Argument, Error> {
    let parameter = &operation.parameters[index];
    let has_literal = matches!(
        parameter.kind,
        OperationType::Value(
            PropertyType::Primitive(_) | PropertyType::Enum(_) | PropertyType::Collection(ItemType::Primitive(_))
        )
    );
    if !has_literal
        && literal.starts_with(['{', '['])
        && let Ok(json) = body::parse(literal.as_bytes())
    {
        let (argument, reading) = read::parameter(
            read_rules(context, &BodyHeaders::of(&context.request.headers), Origin::Create),
            operation,
            index,
            &json,
        );
        return match (reading.shape.first().or(reading.values.first()), argument) {
            (None, Some(argument)) => Ok(argument),
            (Some(problem), _) => Err(problem.to_error()),
            (None, None) => Err(Error::new(&refusal::INTERNAL, &[])),
        };
    }
    match literal_value(context, operation, index, literal)? {
        Value::Null if !parameter.nullable => {
            let detail = format!("{} must not be null", parameter.name);
            let expected = type_name(context.model, parameter.kind);
            Err(Error::new(&refusal::INVALID_ARGUMENT, &[&parameter.name, &expected]).with_detail(detail))
        }
        value => Ok(Argument::Value(value)),
    }
}

fn type_name(model: &Model, kind: OperationType) -> String {
    match kind {
        OperationType::Value(kind) => model.kind_name(kind).into_owned(),
        OperationType::Entity(id) => model.structured(id).full_name.to_string(),
        OperationType::Entities(id) => format!("Collection({})", model.structured(id).full_name),
    }
}

fn literal_value<R>(
    context: &OperationContext<'_, R>,
    operation: &Operation,
    index: usize,
    literal: &str,
) -> Result<Value, Error> {
    let parameter = &operation.parameters[index];
    arguments::read(context.model, parameter.kind, literal).map_err(|problem| {
        let expected = type_name(context.model, parameter.kind);
        match problem {
            LiteralProblem::Type(found) => Error::new(&refusal::QUOTED_ARGUMENT, &[found, &expected]),
            LiteralProblem::Malformed => {
                let detail = format!("argument {literal:?} of {}", parameter.name);
                Error::new(&refusal::INVALID_ARGUMENT, &[&parameter.name, &expected]).with_detail(detail)
            }
        }
    })
}

/// Refuses a call without a parameter that must not be null.
fn check_missing(operation: &Operation, arguments: &[Argument]) -> Result<(), Error> {
    let pairs = operation.parameters.iter().zip(arguments);
    let missing = pairs.filter(|(parameter, argument)| !parameter.optional && **argument == Argument::Absent);
    let missing: Vec<&str> = missing.map(|(parameter, _)| &*parameter.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::new(&refusal::MISSING_PARAMETERS, &[&operation.name, &missing.join(",")]))
}
