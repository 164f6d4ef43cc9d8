-- Publish the trends of a window. KEYS: the hash. ARGV: as_of in ms, seconds to live, 1 if no other field stays, how
-- many words are set, then field and value alternately, then the fields that are gone. Returns 0, and changes nothing, if a
-- later state is there, or if fields are to stay and nothing is there: it was lost, and what is set is not all of it.
local held = redis.call('HGET', KEYS[1], 'as_of')
if held and tonumber(held) > tonumber(ARGV[1]) or not held and ARGV[3] == '0' then
  return 0
end
if ARGV[3] == '1' then
  redis.call('DEL', KEYS[1])
end
local set_end = 4 + ARGV[4]
for at = 5, set_end, 1000 do
  redis.call('HSET', KEYS[1], unpack(ARGV, at, math.min(set_end, at + 999)))
end
for at = set_end + 1, #ARGV, 1000 do
  redis.call('HDEL', KEYS[1], unpack(ARGV, at, math.min(#ARGV, at + 999)))
end
redis.call('HSET', KEYS[1], 'as_of', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
