-- Take a number of tokens of each bucket, or of none. KEYS: the buckets. ARGV: the number (-1 gives one back), then for
-- each bucket its capacity, tokens per period, period in ms.
-- Returns whether they were taken, and the level of each in millionths of a token (before the taking, if refused).
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local wanted = tonumber(ARGV[1])
local levels, allowed = {}, 1
for i = 1, #KEYS do
  local capacity, tokens, period_ms = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local stored = redis.call('HMGET', KEYS[i], 'level', 'at_ms')
  local level = capacity
  if stored[1] then
    local passed_ms = math.max(0, now_ms - tonumber(stored[2]))
    level = math.min(capacity, tonumber(stored[1]) + passed_ms * tokens / period_ms)
  end
  if level < wanted then
    allowed = 0
  end
  levels[i] = level
end
for i = 1, #KEYS do
  local capacity, tokens, period_ms = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  if allowed == 1 then
    levels[i] = math.min(capacity, levels[i] - wanted)
    redis.call('HSET', KEYS[i], 'level', string.format('%.6f', levels[i]), 'at_ms', string.format('%.0f', now_ms))
    redis.call('PEXPIRE', KEYS[i], math.ceil((capacity - levels[i]) * period_ms / tokens))
  end
  levels[i] = math.floor(levels[i] * 1000000)
end
return {allowed, unpack(levels)}
