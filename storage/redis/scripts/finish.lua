-- Finish a list that is being built. KEYS: the list. ARGV: building marker, ready marker, the entries one after another
-- (16 bytes each, newest first), the most it keeps, time to live in s. Returns 1, or 0 if somebody else builds it.
if redis.call('LINDEX', KEYS[1], -1) ~= ARGV[1] then
  return 0
end
redis.call('RPOP', KEYS[1])
local built = ARGV[3]
for at = 1, #built, 16000 do
  local part = {}
  for start = at, math.min(#built, at + 15999), 16 do
    part[#part + 1] = string.sub(built, start, start + 15)
  end
  redis.call('RPUSH', KEYS[1], unpack(part))
end
redis.call('RPUSH', KEYS[1], ARGV[2])
compact(KEYS[1], tonumber(ARGV[4]), string.sub(ARGV[2], 10))
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
