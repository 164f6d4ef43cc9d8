-- Claim a reader's offsets. KEYS: the hash. ARGV: epoch. Returns the whole hash, or nil if a later epoch has claimed.
local held = redis.call('HGET', KEYS[1], 'epoch')
if held and tonumber(held) > tonumber(ARGV[1]) then
  return nil
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
return redis.call('HGETALL', KEYS[1])
