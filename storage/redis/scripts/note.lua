-- Note what a user did, each act once. KEYS: the value. ARGV: the most bytes it keeps, seconds to live, the stamp or
-- nothing, then the acts. The newest come first, each followed by its stamp: microseconds in 8 bytes, by this server's
-- clock if none was given.
local held = redis.call('GET', KEYS[1])
local acts = held and string.sub(held, 2) or ''
local stamp = ARGV[3]
if stamp == '' then
  local now = redis.call('TIME')
  stamp = struct.pack('>I8', now[1] * 1000000 + now[2])
end
for i = 4, #ARGV do
  if not string.find(acts, ARGV[i], 1, true) then
    acts = ARGV[i] .. stamp .. acts
  end
end
redis.call('SET', KEYS[1], '=' .. string.sub(acts, 1, ARGV[1]), 'EX', ARGV[2])
