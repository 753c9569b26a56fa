
-- What follows is the same for every policy.  Lua 5.1 and later.
local r, c = lighty.r, lighty.c
local attr, env, head = r.req_attr, r.req_env, r.req_header

-- Opened, not looked at by c.stat, which may be a second late.  To write as well: a FIFO would block.  A file that may
-- not be opened is there.
local function there(path)
  local file, _, code = io.open(path, "r+")
  if file then file:close() return true end
  return code ~= 2 and code ~= 20               -- ENOENT, ENOTDIR
end

-- Which sites are on, and whether one is.
local function look()
  local on, some = {}, false
  local all = there(GLOBAL_FLAG)
  -- Without the folder nobody knows: on_unknown.  Looked at once a second.
  local now = os.time()
  if _G.maintenance_warden_seen ~= now then
    _G.maintenance_warden_seen, _G.maintenance_warden_lost = now, not there(STATE_DIR)
  end
  local lost = _G.maintenance_warden_lost
  for i, flag in ipairs(FLAGS) do
    on[i] = flag ~= "off" and (all or flag == "on" or flag ~= "" and there(flag) or lost and UNKNOWN[i])
    some = some or on[i]
  end
  return on, some
end

