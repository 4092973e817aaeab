-- Gets the home feed as several members in turn. TOKENS is a file with one access token per line.
local tokens, next = {}, 0
for line in io.lines(os.getenv("TOKENS")) do tokens[#tokens + 1] = "Bearer " .. line end
function request()
  next = next % #tokens + 1
  return wrk.format("GET", "/api/timeline/posts/followings?limit=20", { ["Authorization"] = tokens[next] })
end
