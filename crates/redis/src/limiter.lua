-- The shared limiter: records a request under all of its quotas, or under none.
--
-- KEYS: one for each quota and subject. ARGV: five for each key, the algorithm and four numbers:
--   'log'   the limit, the window in microseconds, 0, 0
--   'gcra'  the interval and the burst, each in microseconds and the nanoseconds beyond them
-- The answer has three numbers for each key: 1 if the quota permits the request, and then
--   'log'   the number of requests in the window, the age of the oldest in microseconds
--   'gcra'  the used part of the burst in microseconds and the nanoseconds beyond them
--
-- Times are those of the server, in microseconds: numbers of Lua are exact up to 2^53. A time after
-- now, because the clock has stepped back, becomes now. So the step frees no request, and prolongs
-- no wait beyond one window.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

-- A list of the times of the accepted requests, oldest first.
local function read_log(key, window)
    local newest = redis.call('LINDEX', key, -1)
    if not newest then
        return 0, 0
    end
    if tonumber(newest) > now then
        local index, time = -1, newest
        while time and tonumber(time) > now do
            redis.call('LSET', key, index, now)
            index = index - 1
            time = redis.call('LINDEX', key, index)
        end
        redis.call('PEXPIRE', key, math.ceil(window / 1000))
    end
    local oldest = redis.call('LINDEX', key, 0)
    while oldest and tonumber(oldest) + window <= now do
        redis.call('LPOP', key)
        oldest = redis.call('LINDEX', key, 0)
    end
    if not oldest then
        return 0, 0
    end
    return redis.call('LLEN', key), now - tonumber(oldest)
end

local function record_log(key, window)
    local length = redis.call('RPUSH', key, now)
    redis.call('PEXPIRE', key, math.ceil(window / 1000))
    return length
end

local function write_tat(key, micros, nanos)
    local expiry = math.ceil((nanos > 0 and micros + 1 or micros) / 1000)
    redis.call('SET', key, string.format('%.0f%03d', now + micros, nanos), 'PX', expiry)
end

-- The theoretical arrival time in nanoseconds. Its last three digits are kept apart.
local function read_gcra(key, burst, burst_nanos)
    local tat = redis.call('GET', key)
    if not tat then
        return 0, 0
    end
    local micros, nanos = tonumber(string.sub(tat, 1, -4)) - now, tonumber(string.sub(tat, -3))
    if micros < 0 then
        return 0, 0
    end
    if micros > burst or (micros == burst and nanos > burst_nanos) then
        micros, nanos = burst, burst_nanos
        write_tat(key, micros, nanos)
    end
    return micros, nanos
end

local function sum(micros, nanos, more_micros, more_nanos)
    local carry = nanos + more_nanos >= 1000 and 1 or 0
    return micros + more_micros + carry, nanos + more_nanos - 1000 * carry
end

local all_permit, answer = true, {}
for number, key in ipairs(KEYS) do
    local first = 5 * number - 4
    local a, b = tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
    local c, d = tonumber(ARGV[first + 3]), tonumber(ARGV[first + 4])
    local permits, x, y
    if ARGV[first] == 'log' then
        x, y = read_log(key, b)
        permits = x < a
    else
        x, y = read_gcra(key, c, d)
        local micros, nanos = sum(x, y, a, b)
        permits = micros < c or (micros == c and nanos <= d)
    end
    all_permit = all_permit and permits
    answer[3 * number - 2], answer[3 * number - 1], answer[3 * number] = permits and 1 or 0, x, y
end

if all_permit then
    for number, key in ipairs(KEYS) do
        local first = 5 * number - 4
        local a, b = tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
        if ARGV[first] == 'log' then
            answer[3 * number - 1] = record_log(key, b)
        else
            local micros, nanos = sum(answer[3 * number - 1], answer[3 * number], a, b)
            write_tat(key, micros, nanos)
            answer[3 * number - 1], answer[3 * number] = micros, nanos
        end
    end
end
return answer
