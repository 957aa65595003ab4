#!/usr/bin/env python3
"""A Slurm of one file, for faults that a real one does not show on demand; called as sbatch, squeue, scancel, scontrol, sacct.

The folder named by FAKE_SLURM holds faults.json, a map from a command to a list of words, one a call, "ok" when it is used up:
  ok        answer as Slurm does
  down      the controller cannot be reached
  garbage   an answer that is none
  unheard   sbatch: take the array, and say that the controller did not answer
  limit     sbatch: the limit on submitted jobs is reached
  limit:N   sbatch: the limit is reached by arrays of more than N tasks; stays until used up
  refuse    sbatch: there is no such partition
  vanish    sbatch: take the array, but no task ever starts, and none is in the queue
A file task-JOB_INDEX holds the job's name and, on a second line, a state where that is not RUNNING: a task that a test
has put there runs nothing, leaves when it is told to, and COMPLETING after it was seen once.
Each task runs the fake trainer and writes the record that a node writes. calls.log has a line a call.
"""
import json, os, re, subprocess, sys, time

home = os.environ["FAKE_SLURM"]
command = os.path.basename(sys.argv[0])


def fault():
    path = os.path.join(home, "faults.json")
    table = json.load(open(path)) if os.path.exists(path) else {}
    words = table.get(command, [])
    word = words.pop(0) if words else "ok"
    with open(path + ".tmp", "w") as out:
        json.dump(table, out)
    os.rename(path + ".tmp", path)
    return word


def fail(words):
    print(words, file=sys.stderr)
    sys.exit(1)


def tasks():
    return sorted(n for n in os.listdir(home) if re.fullmatch(r"task-\d+_\d+", n))


def state_of(name):
    title, _, state = open(os.path.join(home, name)).read().partition("\n")
    return title, state or "RUNNING"


def submit(word):
    text = open(sys.argv[-1]).read()
    count = int(re.search(r"--array=0-(\d+)", text)[1]) + 1
    name = re.search(r"--job-name=(\S+)", text)[1]
    record = json.load(open(re.search(r"--record '([^']*)'", text)[1]))
    assert len(record["tasks"]) == count
    kind, _, most = word.partition(":")
    if kind == "limit" and (not most or count > int(most)):
        fail("sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates "
             "accounting/QOS policy (job submit limit, user's size and/or time limits)")
    job = 1 + sum(1 for n in os.listdir(home) if n.startswith("job-"))
    open(os.path.join(home, f"job-{job}"), "w").write(name)
    for index in range(count) if word != "vanish" else []:
        path = os.path.join(home, f"task-{job}_{index}")
        open(path, "w").write(name)
        subprocess.Popen([sys.executable, os.path.realpath(__file__), "node", path, json.dumps(record), str(index)],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         start_new_session=True)
    if word == "unheard":
        fail("sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)")
    print(job)


def node(path, record, index):
    task = record["tasks"][index]
    folder = os.path.join(record["runs"], "bases" if task["kind"] == "base" else "", task["id"])
    null = os.open(os.devnull, os.O_RDWR)
    for number in (3, 4):  # where a trainer expects its lock and its share of the machine
        os.dup2(null, number)
    trainer = subprocess.Popen(record["trainer"] + ["--request", os.path.join(folder, "request.json")],
                               stdin=subprocess.PIPE, pass_fds=(3, 4))
    code = trainer.wait()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with open(os.path.join(folder, "attempts.jsonl"), "a") as out:
        print(json.dumps({"pid": trainer.pid, "started_at": now, "ended_at": now, "exit_code": code, "host": "f1",
                          "job": os.path.basename(path)[5:], "outcome": "failed" if code else "succeeded",
                          "reason": f"exited with {code}" if code else None}), file=out)
    os.unlink(path)


if command == "fake_slurm.py":
    node(sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]))
    sys.exit(0)
word = fault()
with open(os.path.join(home, "calls.log"), "a") as log:
    print(command, word, *sys.argv[1:], file=log)
if word == "down":
    fail(f"{command}: error: slurm_receive_msg: Unable to contact slurm controller (connect failure)")
if word == "garbage":
    print("<html>a page</html>")
elif command == "sbatch":
    if word == "refuse":
        fail("sbatch: error: invalid partition specified: nope\n"
             "sbatch: error: Batch job submission failed: Invalid partition name specified")
    submit(word)
elif command == "squeue":
    for name in tasks():
        job, index = name[5:].split("_")
        title, state = state_of(name)
        print(job, index, state, "f1", "None", title, sep="|")
        if state == "COMPLETING":
            os.unlink(os.path.join(home, name))
elif command == "scancel":
    options = [word for word in sys.argv[1:] if word.startswith("--")]
    for name in set(tasks()) & {f"task-{word}" for word in sys.argv[1:]}:
        state = state_of(name)[1]
        if state != "RUNNING" and not {w[8:] for w in options if w.startswith("--state=")} - {state}:
            os.unlink(os.path.join(home, name))
elif command == "scontrol":
    print("AccountingStorageType   = accounting_storage/none\nMaxArraySize            = 1001\n"
          "SLURM_VERSION           = 0.fake")
