-- Prolong the life of a list that is ready; a dead builder's would otherwise stay. KEYS: the list. ARGV: seconds.
local marker = redis.call('LINDEX', KEYS[1], -1)
if marker and #marker == 17 then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
