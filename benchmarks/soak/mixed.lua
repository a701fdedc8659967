-- Sends the requests listed in the file SOAK_MIX, in turns, and counts the answers by kind.
-- A line is: METHOD PATH FILE, the file holding the body, or "-". "@moment@" in a body becomes a
-- moment that was not used before, so that every item of feedback is a new one.

local threads = {}
local requests, turn, sent = {}, 0, 0
good, refused, failed = 0, 0, 0

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  for line in io.lines(os.getenv("SOAK_MIX")) do
    local method, path, file = line:match("(%S+) (%S+) (%S+)")
    local body = nil
    if file ~= "-" then
      local handle = io.open(file, "rb")
      body = handle:read("*a")
      handle:close()
    end
    table.insert(requests, { method, path, body, body and body:find("@moment@", 1, true) })
  end
  turn = number * 7
end

function request()
  turn = turn + 1
  local method, path, body, dated = unpack(requests[turn % #requests + 1])
  if dated then
    sent = sent + 1
    body = body:gsub("@moment@", os.date("!%Y-%m-%dT%H:%M:%S.") .. string.format("%06dZ", (number * 100000 + sent) % 1000000))
  end
  return wrk.format(method, path, { ["Content-Type"] = "application/json" }, body)
end

function response(status)
  if status < 400 then good = good + 1
  elseif status < 500 then refused = refused + 1
  else failed = failed + 1 end
end

function done(summary, latency)
  local counts = { good = 0, refused = 0, failed = 0 }
  for _, thread in ipairs(threads) do
    for name in pairs(counts) do counts[name] = counts[name] + thread:get(name) end
  end
  local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    'SOAK {"seconds": %f, "p50_ms": %f, "p99_ms": %f, "good": %d, "refused": %d, "failed": %d, "broken": %d}\n',
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    counts.good, counts.refused, counts.failed, broken))
end
