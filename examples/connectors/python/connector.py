#!/usr/bin/env python3
"""A connector as strict as the published ones. No dependencies.

    python3 connector.py 8080 SECRET

It compares words with their case, takes an item that is not active for a deletion, looks up ids in its own tables, and takes the elements of
a call in any order. Of a call, it approves all elements or none.
"""

import copy
import json
import re
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from envelope import Rejected, open_message

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
THEMES = set(
    "White Blue Green Purple Pink Yellow Gray DarkBlue DarkGreen DarkPurple DarkPink DarkYellow DarkRed Cranberry DarkOrange Bronze Peach "
    "Gold Lime Forest LightGreen Jade LightTeal DarkTeal Steel SkyBlue BlueGray Lavender Lilac Plum Magenta DarkBrown Beige Charcoal "
    "Silver".split()
)
#: The kinds of entities, with the names of their items, or of their members for a request.
ITEMS = {"shifts": "Shift", "openshifts": "OpenShift", "timesoff": "TimeOff"}
REQUESTS = {
    "swapRequests": ["senderShiftId", "recipientShiftId", "recipientUserId"],
    "offershiftrequests": ["senderShiftId", "recipientUserId"],
    "openshiftrequests": ["openShiftId"],
    "timeOffRequests": ["timeOffReasonId", "startDateTime", "endDateTime"],
}
OTHERS = ["timeoffReasons", "timecards", "settings/shiftpreferences"]


class Refusal(Exception):
    """The reason why a change is not approved, for the person who asked for it."""


def need(condition, reason):
    if not condition:
        raise Refusal(reason)


class Element:
    """One change of a call."""

    def __init__(self, element):
        self.id, self.method, self.body = element["id"], element["method"], element["body"]
        segment = element["url"].removeprefix("/").removesuffix(f"/{self.id}")
        self.kind = segment if element["url"] in (f"/{segment}/{self.id}", f"/{segment}") else None
        self.transaction = element["headers"]["X-MS-Transaction-ID"]


class Connector:
    def __init__(self):
        self.tables = {kind: {} for kind in [*ITEMS, *REQUESTS, *OTHERS]}
        self.answered = {}
        self.lock = threading.Lock()

    def update(self, message):
        elements = [Element(element) for element in message["requests"]]
        with self.lock:
            # A call that is repeated, because its answer was lost, gets the same answer.
            calls = [(element.transaction, element.id) for element in elements]
            if not all(call in self.answered for call in calls):
                self.answered.update(zip(calls, self.decide(elements)))
            return [self.answered[call] for call in calls]

    def decide(self, elements):
        """Returns an item for each element. What is missing in an answer counts as approved."""
        tables = copy.deepcopy(self.tables)
        try:
            for element in elements:
                self.apply(tables, element, elements)
        except Refusal as reason:
            error = {"code": "403", "message": str(reason)}
            return [{"id": element.id, "status": 403, "body": {"error": error, "data": None}} for element in elements]
        self.tables = tables
        body = {"error": None, "data": None}
        return [{"id": element.id, "status": 200, "body": {"eTag": str(uuid.uuid4()), **body}} for element in elements]

    def apply(self, tables, element, elements):
        need(element.kind in tables, f"The entity type of {element.id} is unknown.")
        table, body = tables[element.kind], element.body
        is_known = element.id in table
        if element.method == "DELETE":
            need(is_known and body is None, f"{element.id} is unknown.")
            del table[element.id]
            return
        need(element.method in ("POST", "PUT") and body["id"] == element.id, f"The element {element.id} is malformed.")
        # Preferences have no other method.
        if element.kind != "settings/shiftpreferences":
            need(is_known == (element.method == "PUT"), f"{element.id} is {'known already' if is_known else 'unknown'}.")
        table[element.id] = body
        if element.kind in ITEMS:
            self.check_items(table, element)
        elif element.kind in REQUESTS:
            self.check_request(element, elements)

    def check_items(self, table, element):
        body, name = element.body, ITEMS[element.kind]
        owner = "userId" if element.kind != "openshifts" else "schedulingGroupId"
        need(body[owner], f"{owner} of {element.id} is missing.")
        shared, draft = body.get(f"shared{name}"), body.get(f"draft{name}")
        need(shared or draft, f"{element.id} has no item.")
        for item in filter(None, (shared, draft)):
            need(TIME.fullmatch(item["startDateTime"]) and TIME.fullmatch(item["endDateTime"]), "A time has another form.")
            need(item["theme"] in THEMES, f"The theme {item['theme']} is unknown.")
            need(element.kind != "openshifts" or item["openSlotCount"] >= 0, "An open shift has less than no slots.")
        # Without isActive, an item is a deletion; in a draft, one that is not yet shared.
        if shared and shared.get("isActive") is not True:
            need(element.method == "PUT", f"{element.id} is new and deleted.")
            del table[element.id]

    def check_request(self, element, elements):
        body, kind = element.body, element.kind
        need(all(body[member] for member in [*REQUESTS[kind], "senderUserId"]), f"The request {element.id} is incomplete.")
        before = self.tables[kind].get(element.id)
        is_with_recipient = before and before["assignedTo"] == "Recipient"
        first = "Recipient" if "recipientUserId" in REQUESTS[kind] else "Manager"
        match (element.method, body["state"], body["assignedTo"]):
            case ("POST", "Pending", assigned_to):
                need(assigned_to == first, f"A new request is with {assigned_to}.")
                self.check_subjects(element)
            case ("PUT", "Pending", "Manager"):
                need(is_with_recipient, f"The request {element.id} was accepted before.")
            case ("PUT", "Approved", "Manager"):
                need(before["state"] == "Pending" and not is_with_recipient, f"The request {element.id} was decided before.")
                need(body["managerUserId"], f"The request {element.id} was approved by no one.")
                self.check_approval(element, elements)
            case ("PUT", "Declined", "Recipient" | "Manager" | "System"):
                need(before["state"] == "Pending", f"The request {element.id} was decided before.")
            case (_, state, assigned_to):
                raise Refusal(f"A request that is {state} is with {assigned_to}.")

    def check_subjects(self, element):
        body = element.body
        for member, kind in (("senderShiftId", "shifts"), ("recipientShiftId", "shifts"), ("openShiftId", "openshifts")):
            if member in REQUESTS[element.kind]:
                known = self.tables[kind].get(body[member])
                need(known, f"{body[member]} is unknown.")
                owner = body.get(member.replace("ShiftId", "UserId"))
                need(kind == "openshifts" or known["userId"] == owner, f"{body[member]} is another person's shift.")

    def check_approval(self, element, elements):
        """Compares the shifts of an approval with those that follow from the request, whatever their order is."""
        body, shifts = element.body, self.tables["shifts"]
        changes = [other for other in elements if other.kind == "shifts"]
        deleted = sorted(other.id for other in changes if other.method == "DELETE")
        created = sorted((other.body["userId"], *times(other.body, "Shift")) for other in changes if other.method == "POST")
        match element.kind:
            case "swapRequests":
                sent, received = shifts[body["senderShiftId"]], shifts[body["recipientShiftId"]]
                gone = [body["senderShiftId"], body["recipientShiftId"]]
                new = [(received["userId"], *times(sent, "Shift")), (sent["userId"], *times(received, "Shift"))]
            case "offershiftrequests":
                gone = [body["senderShiftId"]]
                new = [(body["recipientUserId"], *times(shifts[gone[0]], "Shift"))]
            case "openshiftrequests":
                opened = self.tables["openshifts"][body["openShiftId"]]
                gone, new = [], [(body["senderUserId"], *times(opened, "OpenShift"))]
                rest = [other.body["sharedOpenShift"] for other in elements if other.id == body["openShiftId"]]
                slots = opened["sharedOpenShift"]["openSlotCount"] - 1
                need([item["openSlotCount"] for item in rest] == [slots], "The open shift has another number of slots.")
            case _:
                gone, new = [], []
        need(deleted == sorted(gone), f"The approval of {element.id} deletes other shifts.")
        need(created == sorted(new), f"The approval of {element.id} creates other shifts.")

    def read(self, message):
        return [self.eligible(element) for element in message["requests"]]

    def eligible(self, element):
        url = urlsplit(element["url"])
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        match url.path.split("/")[1:], query.get("requestType"):
            case ["users", user, "timeOffReasons"], "TimeOffReason" if user == element["id"]:
                ids = [id for id, reason in self.tables["timeoffReasons"].items() if reason["isActive"]]
            case ["shifts", shift, "requestableShifts"], "SwapRequest" if shift == element["id"]:
                own, period = self.tables["shifts"].get(shift), (query["startTime"], query["endTime"])
                others = self.tables["shifts"].items() if own else []
                is_other = lambda body: body["userId"] != own["userId"] and period[0] <= times(body, "Shift")[0] <= period[1]
                ids = [id for id, body in others if is_other(body)]
            case _:
                error = {"code": "404", "message": f"The query {element['url']} is unknown."}
                return {"id": element["id"], "status": 404, "body": {"data": None, "error": error}}
        return {"id": element["id"], "status": 200, "body": {"data": ids, "error": None}}


def times(body, name):
    item = body.get(f"shared{name}") or body[f"draft{name}"]
    return item["startDateTime"], item["endDateTime"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            message = json.loads(open_message(body, self.server.secret))
        except (Rejected, ValueError) as reason:
            # A caller without the secret is not Shifts.
            return self.answer(400, {"reason": str(reason)})
        match self.path.split("/")[1:]:
            case ["v1", "connect"]:
                is_complete = message.get("tenantId") and message.get("userId")
                self.answer(200 if is_complete else 400, {})
            case ["v1", "teams", _, "update"] | ["v1", "users", _, "update"]:
                self.answer_call(self.server.connector.update, message)
            case ["v1", "teams", _, "read"]:
                self.answer_call(self.server.connector.read, message)
            case _:
                self.answer(404, {})

    def answer_call(self, call, message):
        try:
            # The status is 200 even if items are refused.
            self.answer(200, {"responses": call(message)})
        except (KeyError, TypeError, AttributeError) as problem:
            self.answer(400, {"reason": f"a member is missing or has another form: {problem}"})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def main():
    port, secret = sys.argv[1:]
    if len(secret) != 64:
        sys.exit("expected a secret of 64 characters")
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    server.connector, server.secret = Connector(), secret
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
