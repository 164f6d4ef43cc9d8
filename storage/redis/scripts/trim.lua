-- Trim an overfull list. KEYS: the list. ARGV: the most it keeps, its next name. Returns 1 if it was trimmed or dropped.
-- One that is being built cannot be cut, for its floor is not known: it is dropped, and its builder fails to finish.
local marker = redis.call('LINDEX', KEYS[1], -1)
if not marker or redis.call('LLEN', KEYS[1]) - 1 <= tonumber(ARGV[1]) then
  return 0
end
if #marker ~= 17 then
  redis.call('UNLINK', KEYS[1])
  return 1
end
compact(KEYS[1], tonumber(ARGV[1]), ARGV[2])
return 1
