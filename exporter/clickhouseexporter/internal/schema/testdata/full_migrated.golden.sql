ALTER TABLE `tele\`metry`.`spans` ON CLUSTER `prod\`1` MODIFY SETTING non_replicated_deduplication_window = 10000;

ALTER TABLE `tele\`metry`.`spans` ON CLUSTER `prod\`1` ADD COLUMN IF NOT EXISTS `EventName` String COMMENT 'Event name for log records representing events' CODEC(ZSTD(1));
