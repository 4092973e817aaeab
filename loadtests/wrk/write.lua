-- Posts a short Korean text as several members in turn. Counts and prints the responses that are not 201.
local tokens, next = {}, 0
for line in io.lines(os.getenv("TOKENS")) do tokens[#tokens + 1] = "Bearer " .. line end
local body = '{"content":"오늘 한강에서 자전거를 탔는데 바람이 정말 시원했다. #한강 #일상"}'
local threads = {}
function setup(thread) threads[#threads + 1] = thread end
function init() refused = 0 end
function request()
  next = next % #tokens + 1
  return wrk.format("POST", "/api/posts",
    { ["Authorization"] = tokens[next], ["Content-Type"] = "application/json" }, body)
end
function response(status) if status ~= 201 then refused = refused + 1 end end
function done()
  local total = 0
  for _, thread in ipairs(threads) do total = total + thread:get("refused") end
  print("refused: " .. total)
end
