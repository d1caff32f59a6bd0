"""The peer's costs, for `cargo bench --bench exact`: pip install openmined-psi==2.0.6

Prints seven numbers on a line: microseconds an item (processor time) of setup, request, evaluation and
intersection, then bytes an item of setup, up and down. Every item is in the set, as in our own benchmark.
"""

import sys
import time

import private_set_intersection.python as psi


def timed(work):
    start = time.process_time()
    result = work()
    return result, (time.process_time() - start) * 1e6 / count


count = int(sys.argv[1])
items = [f"QK{number:07X}SRB19900102" for number in range(count)]
client = psi.client.CreateWithNewKey(True)
server = psi.server.CreateWithNewKey(True)
# As rare as our own false hits: 2^-36 a lookup.
kind = psi.DataStructure.GCS
setup, made = timed(lambda: server.CreateSetupMessage(count * 2.0**-36, count, items, kind))
request, asked = timed(lambda: client.CreateRequest(items))
answer, evaluated = timed(lambda: server.ProcessRequest(request))
hits, found = timed(lambda: client.GetIntersection(setup, answer))
assert len(hits) == count, "every identifier asked is in the set"
sizes = [len(message.SerializeToString()) / count for message in (setup, request, answer)]
print(*[f"{number:.3f}" for number in (made, asked, evaluated, found, *sizes)])
