<?php
// Shows what arrived: whatever the gate lets through must be here whole.
$body = file_get_contents('php://input');

if (strpos($_SERVER['HTTP_ACCEPT'] ?? '', 'text/html') === false) {
	header('Content-Type: text/plain; charset=utf-8');
	echo "method: {$_SERVER['REQUEST_METHOD']}\n";
	echo "target: {$_SERVER['REQUEST_URI']}\n";
	foreach ($_POST as $name => $value)
		echo "field $name: ", is_string($value) ? $value : '(a list)', "\n";
	echo 'bytes: ', strlen($body), "\n";
	echo 'sha1: ', sha1($body), "\n";
	exit;
}

function text($value)
{
	return htmlspecialchars(is_string($value) ? $value : '(a list)', ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

header('Content-Type: text/html; charset=utf-8');
?>
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>What arrived</title>
<style>
body{max-width:36rem;margin:3rem auto;padding:0 1.25rem;font:1.0625rem/1.6 system-ui,sans-serif;overflow-wrap:anywhere}
dt{margin-top:.75rem;opacity:.75}
dd{margin:0;white-space:pre-line}
</style>
</head>
<body>
<main>
<h1>What arrived</h1>
<dl>
<dt>Method and target</dt>
<dd><?= text($_SERVER['REQUEST_METHOD']) ?> <?= text($_SERVER['REQUEST_URI']) ?></dd>
<?php foreach ($_POST as $name => $value): ?>
<dt>Field <?= text((string)$name) ?></dt>
<dd><?= text($value) ?></dd>
<?php endforeach ?>
<dt>Body</dt>
<dd><?= strlen($body) ?> bytes, SHA-1 <?= sha1($body) ?></dd>
</dl>
<p><a href="./">Back to the demo site</a></p>
</main>
</body>
</html>
