#!/usr/bin/env python3
"""Small closed-loop HTTP/1.1 load generator. Standard library only (asyncio streams).

N connections, each sends one request, waits for the whole response, sends the next.
Keep-alive is used when the server allows it; otherwise it reconnects (the connect
time then counts in the latency, as it would for a real client).

  load.py --url http://127.0.0.1:15000/v3/auth/tokens --method POST \
          --header 'Content-Type: application/json' --body @req.json \
          --conns 4 --seconds 10 --expect 201 --label keystone-issue

{n} in URL or body becomes a number unique to the run (use with --subst).
Prints one JSON line: rps over the timed window, p50/p90/p99/max ms, statuses, errors.
Only loopback targets unless --allow-remote.
"""
import argparse, asyncio, collections, itertools, json, os, ssl, sys, time
from urllib.parse import urlsplit


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--url", required=True)
    p.add_argument("--method", default="GET")
    p.add_argument("--header", action="append", default=[])
    p.add_argument("--body", default="", help="text, or @file")
    p.add_argument("--conns", type=int, default=4)
    p.add_argument("--seconds", type=float, default=10)
    p.add_argument("--warmup", type=float, default=2, help="seconds, not counted")
    p.add_argument("--max-requests", type=int, default=0, help="stop early after this many")
    p.add_argument("--expect", type=int, default=200)
    p.add_argument("--subst", action="store_true", help="replace {n} by a unique number")
    p.add_argument("--timeout", type=float, default=60)
    p.add_argument("--label", default="")
    p.add_argument("--show", action="store_true", help="send one request, print the response, exit")
    p.add_argument("--insecure", action="store_true")
    p.add_argument("--server-pid", type=int, default=0, help="server root pid: also report its CPU (with descendants) per request")
    p.add_argument("--allow-remote", action="store_true")
    return p.parse_args()


def tree_cpu(root):
    """CPU seconds used so far by root and all its descendants (Linux /proc)."""
    if not root:
        return 0.0
    kids, cpu = collections.defaultdict(list), {}
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                f = open(f"/proc/{d}/stat").read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            kids[int(f[1])].append(int(d))
            cpu[int(d)] = (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")
    todo, tot = [root], 0.0
    while todo:
        x = todo.pop()
        tot += cpu.get(x, 0.0)
        todo += kids[x]
    return tot


async def read_response(r, head_only):
    line = await r.readline()
    if not line:
        raise ConnectionError("closed before status line")
    status = int(line.split(b" ", 2)[1])
    hdr = {}
    while True:
        l = await r.readline()
        if l in (b"\r\n", b"\n", b""):
            break
        k, _, v = l.partition(b":")
        hdr[k.strip().lower()] = v.strip()
    body = b""
    if head_only or status in (204, 304) or 100 <= status < 200:
        pass
    elif b"content-length" in hdr:
        body = await r.readexactly(int(hdr[b"content-length"]))
    elif hdr.get(b"transfer-encoding", b"").lower() == b"chunked":
        parts = []
        while True:
            n = int((await r.readline()).split(b";")[0], 16)
            if n == 0:
                while (await r.readline()) not in (b"\r\n", b""):
                    pass
                break
            parts.append(await r.readexactly(n))
            await r.readexactly(2)
        body = b"".join(parts)
    else:
        body = await r.read()
        hdr[b"connection"] = b"close"
    close = hdr.get(b"connection", b"").lower() == b"close" or line.startswith(b"HTTP/1.0")
    return status, hdr, body, close


def main():
    a = parse()
    u = urlsplit(a.url)
    if u.hostname not in ("127.0.0.1", "localhost", "::1") and not a.allow_remote:
        sys.exit("loopback targets only (or --allow-remote)")
    port = u.port or (443 if u.scheme == "https" else 80)
    ctx = None
    if u.scheme == "https":
        ctx = ssl.create_default_context()
        if a.insecure:
            ctx.check_hostname = False
            ctx.verify_mode = ssl.CERT_NONE
    body = a.body
    if body.startswith("@"):
        body = open(body[1:], encoding="utf8").read()
    path = (u.path or "/") + ("?" + u.query if u.query else "")
    base = f"Host: {u.netloc}\r\n" + "".join(h.strip() + "\r\n" for h in a.header)
    counter = itertools.count()
    seed = f"{os.getpid() % 10000:04d}"

    def make():
        pth, b = path, body
        if a.subst:
            n = f"{seed}{next(counter):07d}"
            pth, b = pth.replace("{n}", n), b.replace("{n}", n)
        bb = b.encode()
        cl = f"Content-Length: {len(bb)}\r\n" if bb or a.method in ("POST", "PUT", "PATCH") else ""
        return f"{a.method} {pth} HTTP/1.1\r\n{base}{cl}\r\n".encode() + bb

    fixed = None if a.subst else make()
    lat, statuses, errors = [], collections.Counter(), collections.Counter()
    state = {"on": False, "stop": False, "recon": 0, "done": 0}

    async def worker():
        r = w = None
        reused = False
        while not state["stop"]:
            payload = fixed or make()
            t0 = time.perf_counter()
            try:
                if w is None:
                    r, w = await asyncio.open_connection(u.hostname, port, ssl=ctx, limit=1 << 20)
                    state["recon"] += 1
                    reused = False
                try:
                    w.write(payload)
                    status, hdr, rb, close = await asyncio.wait_for(read_response(r, a.method == "HEAD"), a.timeout)
                except (ConnectionError, asyncio.IncompleteReadError):
                    if not reused:
                        raise
                    w.close()  # server closed an idle keep-alive connection (uwsgi http-socket): one retry, as clients do
                    r, w = await asyncio.open_connection(u.hostname, port, ssl=ctx, limit=1 << 20)
                    state["recon"] += 1
                    w.write(payload)
                    status, hdr, rb, close = await asyncio.wait_for(read_response(r, a.method == "HEAD"), a.timeout)
                reused = True
                dt = time.perf_counter() - t0
                if state["on"]:  # counted by completion inside the window
                    lat.append(dt)
                    statuses[status] += 1
                    if status != a.expect and len(errors) < 5:
                        errors[f"status {status}: {rb[:120]!r}"] += 1
                    state["done"] += 1
                    if a.max_requests and state["done"] >= a.max_requests:
                        state["stop"] = True
                if close:
                    w.close(); w = None
            except Exception as e:  # noqa: BLE001 - count and reconnect
                if state["on"]:
                    errors[type(e).__name__ + ": " + str(e)[:80]] += 1
                if w is not None:
                    w.close(); w = None
                await asyncio.sleep(0.01)
        if w is not None:
            w.close()

    async def run():
        if a.show:
            r, w = await asyncio.open_connection(u.hostname, port, ssl=ctx, limit=1 << 20)
            w.write(fixed or make())
            s, h, b, _ = await asyncio.wait_for(read_response(r, a.method == "HEAD"), min(a.timeout, 20))
            print(s)
            for k, v in h.items():
                print(k.decode(), ":", v.decode(errors="replace")[:300])
            print(b.decode(errors="replace")[:4000])
            return
        ws = [asyncio.create_task(worker()) for _ in range(a.conns)]
        await asyncio.sleep(a.warmup)
        srv0 = tree_cpu(a.server_pid)
        cpu0, t0 = time.process_time(), time.perf_counter()
        state["on"] = True
        while time.perf_counter() - t0 < a.seconds and not state["stop"]:
            await asyncio.sleep(0.05)
        state["on"] = False
        el = time.perf_counter() - t0
        cpu = time.process_time() - cpu0
        srv = tree_cpu(a.server_pid) - srv0
        state["stop"] = True
        await asyncio.wait(ws, timeout=a.timeout)
        s = sorted(lat)
        q = lambda p: round(1000 * s[min(len(s) - 1, int(p * len(s)))], 2) if s else None
        ok = statuses.get(a.expect, 0)
        print(json.dumps({"label": a.label, "url": a.url[:90], "method": a.method, "conns": a.conns,
                          "seconds": round(el, 2), "ok": ok, "rps_ok": round(ok / el, 2),
                          "p50_ms": q(.50), "p90_ms": q(.90), "p99_ms": q(.99),
                          "max_ms": round(1000 * s[-1], 2) if s else None,
                          "statuses": dict(statuses), "errors": dict(errors),
                          "connects": state["recon"], "loadavg1_at_end": round(os.getloadavg()[0], 2), "server_cpu_ms_per_req": round(1000 * srv / len(s), 3) if a.server_pid and s else None,
                          "server_cores_used": round(srv / el, 2) if a.server_pid else None,
                          "client_cpu_share": round(cpu / el, 3)}))

    asyncio.run(run())


if __name__ == "__main__":
    main()
