-- Save offsets of a claimed reader. KEYS: the hash. ARGV: epoch, then partition and offset alternately.
-- Returns 1, or 0 if the epoch is not the one that claimed (or if the claim was lost with everything else).
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return 0
end
if #ARGV > 1 then
  redis.call('HSET', KEYS[1], unpack(ARGV, 2))
end
return 1
