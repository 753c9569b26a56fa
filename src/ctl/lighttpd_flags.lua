
-- What follows is the same for every policy.  Lua 5.1 and later.  `attr`, `env` and `head` are those of the request.
local attr, env, head
local c, RESTART = lighty.c, lighty.RESTART_REQUEST

-- Opened, not looked at by c.stat, which may be a second late.  To write as well: a FIFO would block.  A file that may
-- not be opened is there.
local function there(path)
  local file, _, code = io.open(path, "r+")
  if file then file:close() return true end
  return code ~= 2 and code ~= 20               -- ENOENT, ENOTDIR
end

-- Which sites are on, and whether one is.
local checked, lost = 0, false
local function look()
  local on, some = {}, false
  local all = there(GLOBAL_FLAG)
  -- Without the folder nobody knows: on_unknown.  Looked at once a second.
  local now = os.time()
  if checked ~= now then
    checked, lost = now, not there(STATE_DIR)
  end
  for i, flag in ipairs(FLAGS) do
    on[i] = flag ~= "off" and (all or flag == "on" or flag ~= "" and there(flag) or lost and UNKNOWN[i])
    some = some or on[i]
  end
  return on, some
end

-- Whether nothing is on, for as little as can be: c.stat may be late where a file was, never where none was.  It does
-- not tell none from one that may not be looked at: once a second all is looked at as above.
local stat, time = c.stat, os.time
local files, looked, some = { GLOBAL_FLAG }, 0, false
for _, flag in ipairs(FLAGS) do
  if flag ~= "" and flag ~= "on" and flag ~= "off" then files[#files + 1] = flag end
end
local function is_off()
  local now = time()
  if looked ~= now then
    looked, some = now, select(2, look())
  end
  if some then return false end
  for i = 1, #files do
    if stat(files[i]) then return false end
  end
  return true
end
