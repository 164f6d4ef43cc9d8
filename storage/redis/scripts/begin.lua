-- Create an absent list as being built. KEYS: the list. ARGV: building marker, lease in ms. Returns 1, or 0 if it exists.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
