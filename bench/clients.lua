-- Plays clients for wrk: KIND, PATHS and DISTINCT come from the environment.
--   repeat   4,096 addresses, again and again
--   unseen   DISTINCT addresses, IPv4 and IPv6 in turn, none of them twice
--   files    4,096 addresses, each request for another of FILES files, in no order
local kind = os.getenv("KIND") or "repeat"
local distinct = tonumber(os.getenv("DISTINCT") or "1000000")
local files = tonumber(os.getenv("FILES") or "0")
local paths = {}
for path in string.gmatch(os.getenv("PATHS") or "/", "%S+") do paths[#paths + 1] = path end
local requests, at = {}, 0

local function address(number)
  if kind == "unseen" and number % 2 == 1 then
    local n = number * 40503 % 4294967296
    return string.format("2a0%d:%x:%x:%x::1", n % 10, math.floor(n / 65536), n % 65536, number % 65536)
  end
  local n = (number * 2654435761) % 3758096384 + 16777216
  return string.format("%d.%d.%d.%d", math.floor(n / 16777216), math.floor(n / 65536) % 256,
                       math.floor(n / 256) % 256, n % 256)
end

local function made(number)
  return wrk.format("GET", paths[number % #paths + 1], { ["X-Forwarded-For"] = address(number) })
end

local function of_file(number)
  local file = (number * 7919) % files
  local path = string.format("/dl/9.8/Baseos/x86_64/os/Packages/%03d/package-%06d-1.0.x86_64.rpm", file % 300, file)
  return wrk.format("GET", path, { ["X-Forwarded-For"] = address(number % 4096) })
end

function init(args)
  if kind == "files" then for number = 1, files do requests[number] = of_file(number) end end
  if kind == "repeat" then for number = 1, 4096 do requests[number] = made(number) end end
end

function request()
  at = at + 1
  if kind == "files" then return requests[at % files + 1] end
  if kind == "repeat" then return requests[at % 4096 + 1] end
  return made(at % distinct)
end
