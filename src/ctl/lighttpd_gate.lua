
-- The gateway answers, by what it is told here and by the target as it was sent.
local function to_gateway(name)
  env["WARDEN_MODE"] = "render"
  if name ~= "" then env["WARDEN_SITE"] = name end
  if attr["request.uri"] == HOLD then return 0 end
  attr["request.uri"] = HOLD
  return RESTART
end

-- What the request asks for, from the first flag on.
local byte = string.byte
local policy, method, target, path, host, odd

-- Whether a target may be read in two ways: then no path opens it.
local function is_odd(low)
  for segment in low:gmatch("[^/]+") do
    local dots = segment:gsub("%%2e", ".")
    if dots == "." or dots == ".." then return true end
  end
  return low:sub(1, 1) ~= "/" or low:find("//", 1, true) or low:find("[;\\#%c]") or low:find("%%2[35f]")
    or low:find("%%3b") or low:find("%%5c") or low:find("%%[01]%x") or low:find("%%7f")
    or low:gsub("%%%x%x", ""):find("%", 1, true)
end

-- The host without port and final dot, in lower case; nil where others may read it differently.
local function host_of(text)
  local host = text:lower():gsub(":%d*$", function(port) return #port > 6 and port or "" end):gsub("%.$", "")
  if host:match("^%[%x*:%x*:[%x:.]*%]$") then return host end
  if host:match("^[%w_.-]+$") and not host:find("..", 1, true) and host:sub(1, 1) ~= "." and host:sub(-1) ~= "." then
    return host
  end
end

local function read_target(raw)
  local authority
  local scheme, rest = raw:match("^([Hh][Tt][Tt][Pp][Ss]?://)([^/?]*.*)$")
  if scheme then authority, raw = rest:match("^([^/?]*)(.*)$") end
  target = raw:match("^[^?]*")
  odd = is_odd(target:lower())
  path = target:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  host = ""
  if head["Host"] then host = host_of(head["Host"]) end
  if authority and host_of(authority) ~= host then host = nil end
end

local function is_host(pattern)
  if pattern:sub(1, 2) ~= "*." then return host == pattern end
  local tail = pattern:sub(2)
  return #host > #tail and host:sub(-#tail) == tail
end

local function is_below(folder)                 -- "/shop"
  return path == folder or path:sub(1, #folder + 1) == folder .. "/"
end

-- The sites that a request belongs to: one, or each that it may be read as.
local function concerned()
  local sites, closest = {}, policy.default
  if host and not odd then
    for _, scope in ipairs(policy.scopes) do
      if (scope.host == "" or is_host(scope.host)) and is_below(scope.path) then return { scope.site } end
    end
    return { policy.default }
  end
  for i, site in ipairs(policy.sites) do
    local mine = i == policy.default or i > 1 and (not host or #site.hosts == 0)
    if i == 1 and ONLY ~= "" then mine = true end
    for _, pattern in ipairs(i > 1 and host and site.hosts or {}) do mine = mine or is_host(pattern) end
    if mine then sites[#sites + 1] = i end
  end
  return sites
end

local function matches(rules)
  if rules.exact[path] then return true end
  local folder = path
  while folder do
    if rules.below[folder] then return true end
    folder = folder:match("^(.*)/")
  end
  for _, glob in ipairs(rules.globs) do
    if path:find(glob) then return true end
  end
  return false
end

-- Addresses as hex digits: 8 of IPv4, 32 of IPv6, the mapped ones as IPv4; nil for what is none.
local function v4_hex(text)
  local hex = ""
  local a, b, d, e = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  for _, part in ipairs({ a, b, d, e }) do
    if #part > 3 or tonumber(part) > 255 or #part > 1 and part:sub(1, 1) == "0" then return nil end
    hex = hex .. string.format("%02x", tonumber(part))
  end
  return a and hex
end

local function groups_hex(text)                 -- "2001:db8": 8 digits; "" for none
  local hex = ""
  if text == "" then return hex end
  for group in (text .. ":"):gmatch("([^:]*):") do
    if not group:match("^%x%x?%x?%x?$") then return nil end
    hex = hex .. string.rep("0", 4 - #group) .. group:lower()
  end
  return hex
end

local function address_hex(text)
  if not text:find(":", 1, true) then return v4_hex(text) end
  local before, tail = text:match("^(.*:)(%d+%.%d+%.%d+%.%d+)$")
  if before then
    local hex = v4_hex(tail)
    if not hex then return nil end
    text = before .. hex:sub(1, 4) .. ":" .. hex:sub(5)
  end
  local left, right = text:match("^(.-)::(.*)$")
  local hex
  if left then
    left, right = groups_hex(left), groups_hex(right)
    if not left or not right or #left + #right > 28 then return nil end
    hex = left .. string.rep("0", 32 - #left - #right) .. right
  else
    hex = groups_hex(text)
    if not hex or #hex ~= 32 then return nil end
  end
  return hex:sub(1, 24) == "00000000000000000000ffff" and hex:sub(25) or hex
end

local function is_in(networks, hex)
  if not hex then return false end
  local family = #hex == 8 and "4/" or "6/"
  for _, bits in ipairs(#hex == 8 and networks.bits4 or networks.bits6) do
    local rest = bits % 4
    local whole = (bits - rest) / 4
    local key = hex:sub(1, whole)
    if rest > 0 then
      local digit, unit = tonumber(hex:sub(whole + 1, whole + 1), 16), 2 ^ (4 - rest)
      key = key .. string.format("%x", digit - digit % unit)
    end
    if networks[family .. string.format("%d", bits) .. "/" .. key] then return true end
  end
  return false
end

-- "192.0.2.7:443", "[2001:db8::1]:443", or the address alone
local function forwarded_hex(text)
  local address, port = text:match("^%[([%x:.]+)%]:(%d+)$")
  if not address then address = text:match("^%[([%x:.]+)%]$") end
  if address and not address:find(":", 1, true) then return nil end
  if not address then address, port = text:match("^([%d.]+):(%d+)$") end
  if port and (#port > 5 or tonumber(port) > 65535) then return nil end
  return address_hex(address or text)
end

-- The peer, or the first address from the right that is no trusted proxy's; nil where the list breaks off before.
local function client_of()
  local hex = address_hex(attr["request.remote-addr"])
  local list = head["X-Forwarded-For"]
  if not is_in(policy.proxies, hex) or not list then return hex end
  local from = list
  while from do
    local left, entry = from:match("^(.*),([^,]*)$")
    hex = forwarded_hex((entry or from):match("^[ \t]*(.-)[ \t]*$"))
    if not hex or not is_in(policy.proxies, hex) then return hex end
    from = left
  end
  return hex
end

local function has_secret(site)
  local offered = head[site.header]
  if #site.secrets == 0 or not offered or offered == "" then return false end
  local digest, found = c.md("sha256", offered), false
  for _, secret in ipairs(site.secrets) do
    found = c.digest_eq(secret, digest) or found
  end
  return found
end

-- Both: c.stat may be a second late, and open(2) cannot tell a file from a folder that may not be entered.
local function is_ticket(site, id)
  if not id or #id ~= 32 or id:find("[^0-9a-f]") then return false end
  for _, folder in ipairs(site.tickets) do
    local status = stat(folder .. "/" .. id)
    if status and status.is_file and there(folder .. "/" .. id) then return true end
  end
  return false
end

local function has_ticket(site)
  if #site.tickets == 0 then return false end
  if is_ticket(site, head["X-Maintenance-Ticket"]) then return true end
  for pair in (head["Cookie"] or ""):gmatch("[^;,]+") do
    if is_ticket(site, pair:match("^[ \t]*maintenance_ticket=(.-)[ \t]*$")) then return true end
  end
  return false
end

-- The site that holds the request.
local function holder(on)
  local read = method == "GET" or method == "HEAD"
  for _, i in ipairs(concerned()) do
    local site = policy.sites[i]
    local pass = not on[i] or site.methods[method]
      or not odd and (matches(site.open) or read and matches(site.open_read))
    if not pass and not there(BYPASS_OFF) then
      pass = is_in(site.networks, client_of()) or has_secret(site) or has_ticket(site)
    end
    if not pass then return site end
  end
end

local function judge(r, raw, on)
  policy = policy or make_policy()
  head, method = r.req_header, attr["request.method"]
  read_target(raw)
  local site = holder(on)
  if site then return to_gateway(site.name) end
  return target == HOLD and 404 or 0
end

local function is_status(raw)
  local asked = attr["request.method"]
  return (asked == "GET" or asked == "HEAD") and raw:match("^[^?]*") == "/.maintenance/status"
end

-- One request.
local function run(r)
  env, attr = r.req_env, r.req_attr
  -- held before, and rewritten since by mod_rewrite
  if env["WARDEN_MODE"] == "render" then return to_gateway("") end
  local raw = attr["request.orig-uri"]
  local dotted = byte(raw, 2) == 46             -- "/.", as the gate's own paths
  if dotted and is_status(raw) then return to_gateway(ONLY) end
  if not is_off() then
    local on, some = look()
    if some then return judge(r, raw, on) end
  end
  return dotted and raw:match("^[^?]*") == HOLD and 404 or 0
end
