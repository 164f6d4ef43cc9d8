-- What finish and trim have in common. A list is entries of 16 bytes and, last, its marker: 'r', a floor of 8 bytes, and a
-- name of 8 bytes, another one whenever anything but a push has changed the list.
-- Ids are compared as two 32-bit halves: a Lua number cannot hold 64 bits, and Lua compares strings by the
-- server's locale.

local function newer(high, low, than_high, than_low)
  return high > than_high or (high == than_high and low > than_low)
end

-- Cut a ready list to about the `keep` entries pushed last if those are the newest, which they nearly always are.
-- False, and nothing is changed, if they are not. Looks at what is cut only: a sixth of the cost of sorting.
local function cut_tail(key, keep, floor, build)
  local tail = redis.call('LRANGE', key, keep, -2)
  local high, low = struct.unpack('>I4I4', floor)
  local oldest = redis.call('LINDEX', key, keep - 1)
  for i = 1, #tail do
    local entry_high, entry_low = struct.unpack('>I4I4', tail[i])
    if newer(entry_high, entry_low, high, low) then
      high, low, floor = entry_high, entry_low, string.sub(tail[i], 1, 8)
    end
  end
  local oldest_high, oldest_low = struct.unpack('>I4I4', oldest)
  if not newer(oldest_high, oldest_low, high, low) then
    return false
  end
  redis.call('LTRIM', key, 0, keep - 1)
  redis.call('RPUSH', key, 'r' .. floor .. build)
  return true
end

-- Sort a ready list, drop duplicates and what its floor has passed, keep the newest `keep`.
local function sort_and_cut(key, keep, floor, build)
  local ttl_ms = redis.call('PTTL', key)
  redis.call('RPOP', key)
  redis.call('SORT', key, 'ALPHA', 'DESC', 'STORE', key) -- with STORE it compares bytes, without it the locale decides
  local sorted = redis.call('LRANGE', key, 0, -1)
  local floor_high, floor_low = struct.unpack('>I4I4', floor)
  local kept, last = {}, nil
  for i = 1, #sorted do
    local id = string.sub(sorted[i], 1, 8)
    if id ~= last then
      local high, low = struct.unpack('>I4I4', id)
      if not newer(high, low, floor_high, floor_low) then
        break
      end
      if #kept == keep then
        floor = id
        break
      end
      kept[#kept + 1] = sorted[i]
      last = id
    end
  end
  redis.call('DEL', key)
  for at = 1, #kept, 1000 do
    redis.call('RPUSH', key, unpack(kept, at, math.min(#kept, at + 999)))
  end
  redis.call('RPUSH', key, 'r' .. floor .. build)
  if ttl_ms > 0 then
    redis.call('PEXPIRE', key, ttl_ms)
  end
end

-- Bring a ready list of more than `keep` entries back to that, under a new name. Returns whether it was.
local function compact(key, keep, build)
  if redis.call('LLEN', key) - 1 <= keep then
    return false
  end
  local floor = string.sub(redis.call('LINDEX', key, -1), 2, 9)
  if not cut_tail(key, keep, floor, build) then
    sort_and_cut(key, keep, floor, build)
  end
  return true
end
