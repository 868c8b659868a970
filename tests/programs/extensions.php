<?php
// Work for PHP's extensions, each in a library of its own. Prints a hash for each; the same under every malloc.
mt_srand(1);
function line(string $name, string $what): void { echo $name, " ", hash("sha256", $what), "\n"; }

$text = "";
for ($i = 0; $i < 20000; $i++) $text .= ["ä", "漢", "x", " ", "Ω"][mt_rand(0, 4)];
line("mbstring", mb_strtoupper(mb_convert_encoding($text, "UTF-16LE", "UTF-8"), "UTF-16LE") . mb_strlen($text));

$document = new DOMDocument();
$root = $document->appendChild($document->createElement("all"));
for ($i = 0; $i < 3000; $i++) {
    $child = $root->appendChild($document->createElement("one", (string)mt_rand()));
    $child->setAttribute("number", (string)$i);
    if ($i % 3 == 0) $root->removeChild($root->firstChild);
}
$found = (new DOMXPath($document))->query("//one[@number > 1500]");
line("dom", $document->saveXML() . $found->length);
line("simplexml", (string)count(simplexml_load_string($document->saveXML())->one));

$base = new PDO("sqlite::memory:");
$base->exec("create table t (a integer, b text)");
$insert = $base->prepare("insert into t values (?, ?)");
for ($i = 0; $i < 5000; $i++) $insert->execute([mt_rand(0, 999), str_repeat("y", mt_rand(0, 500))]);
line("sqlite", json_encode($base->query("select a, count(*), sum(length(b)) from t group by a order by a")->fetchAll(PDO::FETCH_NUM)));

$packed = "";
for ($i = 0; $i < 50; $i++) $packed .= gzcompress(str_repeat(md5((string)$i), mt_rand(1, 3000)), 6);
line("zlib", $packed);
line("openssl", openssl_encrypt($packed, "aes-128-cbc", "0123456789abcdef", OPENSSL_RAW_DATA, "fedcba9876543210"));
line("sodium", sodium_crypto_generichash($packed));

preg_match_all('/(\w+?)(\d{2,})/', str_repeat(md5($text), 500), $groups);
line("pcre", json_encode($groups));
line("iconv", iconv("UTF-8", "UTF-16BE", $text));

// Children that go on with their parent's blocks.
$children = [];
for ($i = 0; $i < 8; $i++) {
    $child = pcntl_fork();
    if ($child == 0) {
        unset($document, $groups);
        exit(strlen(json_encode(range(0, 20000))) == 108897 ? 0 : 1);
    }
    $children[] = $child;
}
foreach ($children as $child) {
    pcntl_waitpid($child, $status);
    if (!pcntl_wifexited($status) || pcntl_wexitstatus($status) != 0) exit(1);
}
echo "children right\n";
