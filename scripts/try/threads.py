"""Four threads that build, encode, decode and hand on records; exits with 1 if anything of it comes out wrong.

Run it with PYTHONMALLOC=malloc: then every Python object is a block of the malloc that is to be tried.
"""
import json
import queue
import sys
import threading

WORKERS = 4
ROUNDS = 30
RECORDS = 250


def records_of(worker, turn):
    first = (worker * ROUNDS + turn) * RECORDS
    return [
        {"id": number, "name": "n" * (number % 97), "tags": [str(number + k) for k in range(number % 7)], "half": number / 2}
        for number in range(first, first + RECORDS)
    ]


def work(worker, inboxes, totals, faults):
    total = 0
    for turn in range(ROUNDS):
        records = records_of(worker, turn)
        text = json.dumps(records)
        if json.loads(text) != records:
            faults.append(f"worker {worker}, turn {turn}: decoded records differ")
        inboxes[(worker + 1) % WORKERS].put((turn, text))
        # Objects that another thread allocated are read, and freed, here.
        sent, received = inboxes[worker].get()
        by_id = {record["id"]: record for record in json.loads(received)}
        if list(by_id.values()) != records_of((worker - 1) % WORKERS, sent):
            faults.append(f"worker {worker}, turn {turn}: received records differ")
        total += sum(by_id)
    totals[worker] = total


def main():
    inboxes = [queue.Queue() for _ in range(WORKERS)]
    totals = [None] * WORKERS
    faults = []
    threads = [threading.Thread(target=work, args=(worker, inboxes, totals, faults)) for worker in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count = WORKERS * ROUNDS * RECORDS
    if None in totals or sum(totals) != count * (count - 1) // 2:
        faults.append(f"the sum of all ids is wrong: {totals}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
